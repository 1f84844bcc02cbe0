import { accessSync, constants } from 'node:fs'
import { type Check, describeError, type Finding, failed, ok, warning } from '@plexd/runtime'
import { failureOf, lastSuccess, readRecords } from '../backup/records.ts'
import type { Config } from '../config/config.ts'
import { lastDue } from '../rhythm/cron.ts'
import type { Place } from './place.ts'

export const backupCheck: Check<Place> = { name: 'backup', run: checkBackup }

/** A backup may take that long, and longer ones are given up. */
const graceMs = 6 * 60 * 60_000
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
  if (last && isLate(config, Date.parse(last.at), nowMs)) return warning(made, logRemedy)
  return ok(made)
}

/** By a cron expression, it is the last time at which one was due that counts. */
function isLate({ backupEvery: rhythm }: Config, madeMs: number, nowMs: number): boolean {
  if ('everyMs' in rhythm) return nowMs - madeMs > Math.max(2 * rhythm.everyMs, 3_600_000)
  return (lastDue(rhythm, nowMs - graceMs) ?? 0) > madeMs
}

function folderFault(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return describeError(error)
  }
}
