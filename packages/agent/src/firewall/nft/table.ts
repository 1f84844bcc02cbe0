import { type Exec, ExecError, exec, type Tool } from '@plexd/runtime'
import { createExecThroughFile } from './exec-through-file.ts'

/** Reads and writes the table `inet plexd` with `nft`. `onWrite` is called with the id of each writing process. */
export function createTable(command: readonly [Tool, ...string[]], onWrite: (pid: number) => void) {
  const execThroughFile = createExecThroughFile()
  return {
    /** One transaction: all of it or nothing. */
    async write(text: string): Promise<void> {
      await exec([...command, '-f', '-'], { input: text, onSpawn: onWrite })
    },
    /** Undefined if there is no table. */
    async list(...flags: string[]): Promise<string | undefined> {
      try {
        return await execThroughFile([...command, ...flags, 'list', 'table', 'inet', 'plexd'])
      } catch (error) {
        if (error instanceof ExecError && error.stderr.includes('No such file or directory'))
          return undefined
        throw new Error('list table inet plexd', { cause: error })
      }
    },
    /** Rejects with an ExecError where nft or the kernel would refuse the text. */
    async dryRun(text: string): Promise<void> {
      await exec([...command, '-c', '-f', '-'], { input: text })
    },
  }
}

/** nft before 1.0.7 cannot delete what may not exist, so it is added first. */
export const deleteText = 'add table inet plexd\ndelete table inet plexd\n'

/** The owner of a table with our name: this interface, another one, or unknown because it was emptied. */
type TableOwner = 'ours' | 'of another' | 'unknown'

/** Deletes the table if it belongs to the interface; with `ifUnknown` also one whose owner is unknown. */
export async function removeTableOf(
  interfaceName: string,
  { ifUnknown }: { ifUnknown: boolean },
): Promise<void> {
  const owner = await tableOwner(interfaceName)
  if (owner === 'ours' || (owner === 'unknown' && ifUnknown))
    await exec(['nft', '-f', '-'], { input: deleteText })
}

/** Undefined if there is none. An nft that cannot list has never written one. */
export async function tableOwner(
  interfaceName: string,
  run: Exec = exec,
): Promise<TableOwner | undefined> {
  try {
    const text = await run(['nft', 'list', 'table', 'inet', 'plexd'])
    if (text.includes(`"${interfaceName}"`)) return 'ours'
    return /\b[io]ifname\b/.test(text) ? 'of another' : 'unknown'
  } catch (error) {
    if (error instanceof ExecError) return undefined
    throw error
  }
}
