import { accessSync, constants } from 'node:fs'
import { type Check, describeError, type Finding, failed, ok, warning } from '@plexd/runtime'
import { failureOf, lastSuccess, readRecords } from '../backup/records.ts'
import type { Config } from '../config/config.ts'
import type { Place } from './place.ts'

export const backupCheck: Check<Place> = { name: 'backup', run: checkBackup }

/** Two days after a backup that is made every day, something is wrong. */
const lateMs = 48 * 60 * 60_000
const logRemedy = 'see its log: journalctl -u plexd-control-plane'

async function checkBackup({ config, nowMs }: Place): Promise<Finding> {
  const records = readRecords(config.dataDir)
  const last = lastSuccess(records)
  const failure = failureOf(records)
  const made = last ? `the last was made ${last.at}: "${last.file}"` : 'none was made yet'
  if (failure)
    return warning(
      `${made}; one failed ${failure.at}: ${failure.reason}`,
      'mend that, and make one: plexd-control-plane backup create --help',
    )
  if (config.backupFolder === undefined) return ok(`${made}; none are scheduled`)
  const fault = folderFault(config.backupFolder)
  if (fault !== undefined)
    return failed(
      `nothing can be written to backup_folder "${config.backupFolder}": ${fault}`,
      'make the folder, for the user of the control plane',
    )
  if (last && nowMs - Date.parse(last.at) > allowedMs(config)) return warning(made, logRemedy)
  return ok(made)
}

function allowedMs({ backupEvery }: Config): number {
  return 'everyMs' in backupEvery ? Math.max(2 * backupEvery.everyMs, 3_600_000) : lateMs
}

function folderFault(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return describeError(error)
  }
}
