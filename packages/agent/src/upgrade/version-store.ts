import { existsSync, realpathSync, statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  describeError,
  type Log,
  readPlainFile,
  undefinedIfMissing,
  writeFileAtomic,
} from '@plexd/runtime'
import { Check } from 'typebox/value'
import { neededVersions, VersionState } from './version-state.ts'

/** The versions of plexd in the data dir, and which of them is to run. */
export interface VersionStore {
  readonly folder: string
  /** Undefined until something was upgraded, and, with an error in the log, if the file is damaged. */
  read(): VersionState | undefined
  /** On the disk when it resolves. */
  write(state: VersionState): Promise<void>
  /** The file of a version, whether it exists or not. */
  fileOf(version: string): string
  /** Whether there is such a file and it has content. */
  has(version: string): boolean
  /** Removes the files of versions that neither the state needs nor the caller keeps. */
  prune(state: VersionState, kept?: readonly string[]): Promise<void>
}

export function openVersionStore(dataDir: string, log: Pick<Log, 'error'>): VersionStore {
  // As the kernel names the file of a process, with which it is compared.
  const place = existsSync(dataDir) ? realpathSync(dataDir) : resolve(dataDir)
  const folder = join(place, 'versions')
  const path = join(folder, 'current')
  let isTold = false
  const fileOf = (version: string): string => join(folder, version, 'plexd')
  return {
    folder,
    read() {
      try {
        return readState(path)
      } catch (error) {
        if (!isTold)
          log.error('which version of plexd is to run is not known', {
            error: describeError(error),
          })
        isTold = true
        return undefined
      }
    },
    write: (state) => writeFileAtomic(path, `${JSON.stringify(state, null, 2)}\n`),
    fileOf,
    has: (version) => (statSync(fileOf(version), { throwIfNoEntry: false })?.size ?? 0) > 0,
    async prune(state, kept = []) {
      const needed = new Set([...neededVersions(state), ...kept])
      const entries = await readdir(folder, { withFileTypes: true }).catch(undefinedIfMissing)
      for (const entry of entries ?? [])
        if (entry.isDirectory() && !needed.has(entry.name))
          await rm(join(folder, entry.name), { recursive: true, force: true })
    },
  }
}

function readState(path: string): VersionState | undefined {
  if (!existsSync(path)) return undefined
  const title = `read "${path}"`
  const state: unknown = JSON.parse(readPlainFile(path, title))
  if (!Check(VersionState, state)) throw new Error(`${title}: it is damaged: remove it`)
  return state
}
