import { readdir, rm } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { isSea } from 'node:sea'
import { describeError, type ExecOptions, execSelf, undefinedIfMissing } from '@plexd/runtime'
import type { Environment, Watch } from '../app.ts'
import { type BackupRecord, failureOf, lastSuccess } from '../backup/records.ts'
import { backupName, excessOf, isDue, isRemnant } from '../backup/schedule.ts'
import type { Config } from '../config/config.ts'

/** Runs this program with other arguments, in a process of its own. */
export type RunSelf = (args: readonly string[], options: ExecOptions) => Promise<string>

const runSelf: RunSelf = (args, options) => execSelf(args, isSea(), options)

/** Longer than any backup takes, so that one that hangs does not keep all later ones from being made. */
const timeoutMs = 6 * 60 * 60_000

/** Yields to everything else on the machine. */
const priority = 10

/**
 * Makes a backup if one is due. In a process of its own: what it reads, compresses and encrypts holds up nobody here. Its failure is on
 * record, and tried again later.
 */
export async function makeDueBackup(
  { config, backups, clock, log }: Watch & Environment,
  signal: AbortSignal,
  run: RunSelf = runSelf,
): Promise<void> {
  const { backupFolder: folder, backupEvery: rhythm } = config
  if (folder === undefined) return
  const nowMs = clock.now()
  const records = backups.records()
  const times = {
    lastSuccessMs: timeOf(lastSuccess(records.filter(({ by }) => by === 'schedule'))),
    lastFailureMs: timeOf(failureOf(records)),
  }
  if (!isDue({ rhythm, ...times, nowMs })) return
  const file = join(folder, backupName(nowMs, config.backupRecipients.length > 0))
  try {
    await removeRemnants(folder)
    const text = await run(argumentsFor(config, file), {
      timeoutMs,
      signal,
      onSpawn: (pid) => setPriority(pid, priority),
    })
    const { bytes, seconds } = JSON.parse(text) as { bytes: number; seconds: number } // as `backup create --json` prints it
    log.info('backup made', { file, bytes, seconds })
    await removeExcess(folder, config, nowMs)
  } catch (error) {
    if (signal.aborted) return
    const reason = describeError(error)
    log.warn('backup failed, it is tried again', { file, error: reason })
    if (isOnRecord(backups.records(), file)) return
    const at = new Date(clock.now()).toISOString()
    backups.failed({ kind: 'create', outcome: 'failed', by: 'schedule', file, at, reason })
  }
}

/** The process that made it notes its own failure, unless it was killed or could not write. */
function isOnRecord(records: readonly BackupRecord[], file: string): boolean {
  return records.some((record) => record.file === resolve(file) && record.outcome === 'failed')
}

function timeOf(record: { at: string } | undefined): number | undefined {
  return record && Date.parse(record.at)
}

function argumentsFor(config: Config, out: string): string[] {
  const { dataDir, masterKeyFile, caKeyFile, tlsCertFile, tlsKeyFile } = config
  const { backupRecipients, backupParts } = config
  const named = [
    ['--master-key-file', masterKeyFile],
    ['--ca-key-file', caKeyFile],
    ['--tls-cert', tlsCertFile],
    ['--tls-key', tlsKeyFile],
  ] as const
  return [
    ...['backup', 'create', '--scheduled', '--json', '--data-dir', dataDir, '--out', out],
    ...named.flatMap(([flag, file]) => (file === undefined ? [] : [flag, file])),
    ...backupRecipients.flatMap((recipient) => ['--recipient', recipient]),
    ...(backupRecipients.length === 0 ? ['--unencrypted'] : []),
    ...backupParts.map((part) => `--with-${part}`),
  ]
}

async function removeRemnants(folder: string): Promise<void> {
  // A folder that is missing, perhaps as its disk is not mounted, is not made: the backup fails and says so.
  const names = (await readdir(folder).catch(undefinedIfMissing)) ?? []
  for (const name of names.filter(isRemnant)) await rm(join(folder, name))
}

async function removeExcess(
  folder: string,
  { backupKeep: keep, backupKeepForMs: keepForMs }: Config,
  nowMs: number,
): Promise<void> {
  for (const name of excessOf(await readdir(folder), { keep, keepForMs, nowMs }))
    await rm(join(folder, name))
}
