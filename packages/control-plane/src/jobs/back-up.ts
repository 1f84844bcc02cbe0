import { resolve } from 'node:path'
import { describeError } from '@plexd/runtime'
import type { Environment, Watch } from '../app.ts'
import { makePlannedBackup, plannedFile, type RunSelf } from '../backup/planned/planned.ts'
import { isDue } from '../backup/planned/schedule.ts'
import { type BackupRecord, failureOf, lastSuccess } from '../backup/records.ts'

/** Makes a backup if one is due. One that fails is tried again later. */
export async function makeDueBackup(
  { config, backups, clock, log }: Watch & Environment,
  signal: AbortSignal,
  run?: RunSelf,
): Promise<void> {
  const nowMs = clock.now()
  const file = plannedFile(config, nowMs)
  if (file === undefined) return
  const records = backups.records()
  const times = {
    lastSuccessMs: timeOf(lastSuccess(records.filter(({ by }) => by === 'schedule'))),
    lastFailureMs: timeOf(failureOf(records)),
  }
  if (!isDue({ rhythm: config.backupEvery, ...times, nowMs })) return
  try {
    const made = await makePlannedBackup(config, file, {
      nowMs,
      log,
      signal,
      ...(run ? { run } : {}),
    })
    log.info('backup made', { file, ...made })
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
