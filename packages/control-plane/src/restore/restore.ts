import { existsSync, readdirSync, statSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError, describeError, exitCodes, lockHolder, makeFolder } from '@plexd/runtime'
import type { Manifest } from '../backup/archive/manifest.ts'
import { checkContents } from '../backup/check-contents.ts'
import { stampOf } from '../backup/planned/schedule.ts'
import { addRecord } from '../backup/records.ts'
import { giveLike } from '../backup/staging.ts'
import { unpack } from '../backup/unpack.ts'
import { claimDataDir } from '../start/data-dir-lock.ts'
import { asideOf, commitRestore, draftFolder, isContent } from '../start/settle-restore.ts'
import { beginAnew } from './begin-anew.ts'
import { settleFiles } from './settle-files.ts'
import { missingFolders, undo } from './undo.ts'

export interface RestoreOptions {
  file: string
  dataDir: string
  identities: readonly string[] | undefined
  /** That of the backup's database, if it is not in the backup. */
  masterKeyFile: string | undefined
  /** Puts aside what is there already. */
  isForced: boolean
  now: () => number
  onProgress: (text: string) => void
}

export interface Restored {
  manifest: Manifest
  /** That of the event log from now on. */
  epoch: string
  /** Where that is now what was there before. */
  aside: string | undefined
}

/**
 * Makes a backup the content of a data folder: all of it or nothing, also if this process is killed; one that fails removes the folder again if
 * it was missing. Its event log begins a new epoch, so that nodes that have seen more than the backup contains pull their state.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { file, dataDir, isForced, now } = options
  const work = `restore "${file}" to "${dataDir}"`
  refuseUsed(dataDir, isForced, work)
  const missing = missingFolders(dataDir)
  using _claim = claimDataDir(dataDir)
  const restored = await prepare(options, work).catch((error: unknown) => {
    undo(dataDir, missing)
    throw error
  })
  const stamp = stampOf(now())
  const hadContent = readdirSync(dataDir).some(isContent)
  commitRestore(dataDir, stamp)
  return { ...restored, aside: hadContent ? join(dataDir, asideOf(stamp)) : undefined }
}

/** Unpacks and checks it beside what is there. */
async function prepare(
  options: RestoreOptions,
  work: string,
): Promise<Pick<Restored, 'manifest' | 'epoch'>> {
  const { file, dataDir, masterKeyFile, now, onProgress } = options
  giveLike(dataDir, join(dataDir, 'lock'))
  const draft = join(dataDir, draftFolder)
  makeFolder(draft)
  const manifest = await unpack({ ...options, to: draft, work })
  onProgress('checking databases')
  try {
    await placeKey(draft, manifest, masterKeyFile)
    // Hashes say that it is what was copied; somebody waits for it.
    await checkContents(draft, manifest, { masterKeyFile, check: 'quick_check' })
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(`${work}: ${describeError(error)}`)
  }
  const epoch = await beginAnew(join(draft, 'control-plane.db'), manifest, now())
  const { parts, epoch: epochBefore, sequence } = manifest
  const at = new Date(now()).toISOString()
  const record = { at, by: 'command', file, parts, epoch: epochBefore, sequence } as const
  await addRecord(draft, { kind: 'restore', outcome: 'ok', ...record }, dataDir)
  await settleFiles(draft, manifest, statSync(dataDir))
  return { manifest, epoch }
}

function refuseUsed(dataDir: string, isForced: boolean, work: string): void {
  const found = statSync(dataDir, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isDirectory())
    throw new CliError(`${work}: that is no folder: name another with --data-dir`, exitCodes.usage)
  const pid = lockHolder(join(dataDir, 'lock'))
  if (pid !== undefined)
    throw new CliError(`${work}: process ${pid} is running on it: stop that first`)
  const content = readdirSync(dataDir).find(isContent)
  if (content !== undefined && !isForced)
    throw new CliError(
      `${work}: it is not empty, there is "${content}": name another with --data-dir, or put all of it aside with --force`,
      exitCodes.usage,
    )
}

/** A key that was kept outside the data folder stays there. */
async function placeKey(
  draft: string,
  { elsewhere, master_key_id }: Manifest,
  masterKeyFile: string | undefined,
): Promise<void> {
  const own = join(draft, 'master.key')
  if (masterKeyFile === undefined && !existsSync(own))
    throw new Error(
      `its database is sealed under master key ${master_key_id}, which is not in it: name the file with --master-key-file`,
    )
  if (masterKeyFile !== undefined && !elsewhere.includes('master_key_file'))
    await copyFile(masterKeyFile, own)
}
