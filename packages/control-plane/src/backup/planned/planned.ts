import { readdir, rm, stat } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { isSea } from 'node:sea'
import {
  describeError,
  type ExecOptions,
  execSelf,
  type Log,
  undefinedIfMissing,
} from '@plexd/runtime'
import type { Config } from '../../config/config.ts'
import { claimFolder } from './claim-folder.ts'
import { backupName, excessOf, isRemnant } from './schedule.ts'

/** Runs this program with other arguments, in a process of its own. */
export type RunSelf = (args: readonly string[], options: ExecOptions) => Promise<string>

const runSelf: RunSelf = (args, options) => execSelf(args, isSea(), options)

/** Longer than any backup takes, so that one that hangs does not keep all later ones from being made. */
export const plannedBackupMs = 6 * 60 * 60_000

/** Yields to everything else on the machine. */
const priority = 10

/** A backup that was made as the settings say. */
export interface PlannedBackup {
  bytes: number
  seconds: number
}

/** The file of a backup that is made now; undefined if the settings want none. */
export function plannedFile(config: Config, nowMs: number): string | undefined {
  const { backupFolder: folder, backupRecipients } = config
  return folder && join(folder, backupName(nowMs, backupRecipients.length > 0))
}

interface PlannedOptions {
  nowMs: number
  log: Log
  signal?: AbortSignal
  run?: RunSelf
}

/**
 * Makes a backup as the settings say, and removes those that they do not keep. In a process of its own: what it reads, compresses and
 * encrypts holds up nobody here. Its failure is on record.
 */
export async function makePlannedBackup(
  config: Config,
  file: string,
  { nowMs, log, signal, run = runSelf }: PlannedOptions,
): Promise<PlannedBackup> {
  const folder = dirname(file)
  await claimFolder(folder, config.dataDir)
  await removeRemnants(folder, nowMs)
  const text = await run(argumentsFor(config, file), {
    timeoutMs: plannedBackupMs,
    ...(signal ? { signal } : {}),
    onSpawn: (pid) => setPriority(pid, priority),
  })
  // It was made, whatever becomes of older ones.
  await removeExcess(folder, config, nowMs).catch((error: unknown) =>
    log.warn('old backups are not removed', { folder, error: describeError(error) }),
  )
  const { bytes, seconds } = JSON.parse(text) as PlannedBackup // as `backup create --json` prints it
  return { bytes, seconds }
}

function argumentsFor(config: Config, out: string): string[] {
  const { dataDir, artifactStore, masterKeyFile, caKeyFile, tlsCertFile, tlsKeyFile } = config
  const { backupRecipients, backupParts } = config
  const named = [
    ['--master-key-file', masterKeyFile],
    ['--ca-key-file', caKeyFile],
    ['--tls-cert', tlsCertFile],
    ['--tls-key', tlsKeyFile],
    ['--artifact-store', artifactStore],
  ] as const
  return [
    ...['backup', 'create', '--scheduled', '--json', '--data-dir', dataDir, '--out', out],
    ...named.flatMap(([flag, file]) => (file === undefined ? [] : [flag, file])),
    ...backupRecipients.flatMap((recipient) => ['--recipient', recipient]),
    ...(backupRecipients.length === 0 ? ['--unencrypted'] : []),
    ...backupParts.map((part) => `--with-${part}`),
  ]
}

/** Nothing was written to it for so long. */
const abandonedMs = 60 * 60_000

async function removeRemnants(folder: string, nowMs: number): Promise<void> {
  // A folder that is missing, perhaps as its disk is not mounted, is not made: the backup fails and says so.
  const names = (await readdir(folder).catch(undefinedIfMissing)) ?? []
  for (const name of names.filter(isRemnant)) {
    const found = await stat(join(folder, name)).catch(undefinedIfMissing)
    const isOld = found?.isFile() && Math.abs(nowMs - found.mtimeMs) > abandonedMs
    if (isOld) await rm(join(folder, name), { force: true })
  }
}

async function removeExcess(
  folder: string,
  { backupKeep: keep, backupKeepForMs: keepForMs }: Config,
  nowMs: number,
): Promise<void> {
  for (const name of excessOf(await readdir(folder), { keep, keepForMs, nowMs }))
    await rm(join(folder, name))
}
