/** Containers of podman, which keeps a record of each. */
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, exec, isMissing, type Log, makeFolder } from '@plexd/runtime'
import { isLeftover } from '../groups/own-groups.ts'
import { containerName } from './sandbox.ts'

export interface Containers {
  /** Is called before a container is started; once disposed of, podman knows nothing of it any more. */
  begin(name: string): Promise<AsyncDisposable>
  /** Ends and removes those of processes of ours that have ended; not with `own: false` those of this one. */
  forgetLeftovers(options?: { own?: boolean }): Promise<void>
}

/** Each container has a file in the data dir for as long as it is there, which outlives a crash. */
export function createContainers(dataDir: string, log: Log): Containers {
  const folder = join(dataDir, 'containers')

  async function forget(name: string): Promise<void> {
    try {
      // The first attempt only notes that one has ended whose podman was killed.
      await remove(name).catch(() => remove(name))
      await rm(join(folder, name), { force: true })
    } catch (error) {
      log.warn('container cannot be removed', { name, error: describeError(error) })
    }
  }

  return {
    async begin(name) {
      makeFolder(folder)
      await writeFile(join(folder, name), '')
      return { [Symbol.asyncDispose]: () => forget(name) }
    },
    async forgetLeftovers({ own = true } = {}) {
      const names = await namesIn(folder)
      await Promise.all(names.map(async (name) => (await isLeftover(name, own)) && forget(name)))
    },
  }
}

function remove(name: string): Promise<string> {
  return exec(['podman', 'rm', '--force', '--ignore', '--time=0', containerName(name)])
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}
