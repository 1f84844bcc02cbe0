import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { lockHolder as holderOf } from '@plexd/runtime'
import { standardRunDir } from './device-record.ts'
import { namespaceFolder, openNamespaceFolder } from './namespace-folder.ts'

/**
 * Makes this process the only one that drives the interface: two would each put right for ever what the other did.
 * Undefined when another has it. The lock is SQLite's on a file where no other user can come near it; the kernel drops it
 * with the process, and the file, which is empty, stays.
 */
export async function lockInterface(
  name: string,
  runDir = standardRunDir,
): Promise<AsyncDisposable | undefined> {
  try {
    return take(join(await openNamespaceFolder(runDir), fileOf(name)))
  } catch (cause) {
    throw new Error(`lock "${name}"`, { cause })
  }
}

/** The same for the rules: there is one table of ours in a network namespace, however many interfaces there are. */
export function lockPacketFilter(): Promise<AsyncDisposable | undefined> {
  return lockInterface('table inet plexd') // no interface has a name with spaces
}

/** Who has it, in words; empty for one that cannot be seen from here. */
export function lockHolder(name: string, runDir = standardRunDir): string {
  const pid = holderOf(join(namespaceFolder(runDir), fileOf(name)))
  return pid === undefined ? '' : `process ${pid}`
}

function take(path: string): AsyncDisposable | undefined {
  // One that is there is not opened: to close it would drop the lock, where this process has it already (fcntl(2)).
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return undefined
    throw error
  }
  return { [Symbol.asyncDispose]: async () => database.close() }
}

function fileOf(name: string): string {
  return `${name}.lock`
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}
