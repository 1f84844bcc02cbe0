import { type Clock, describeError, type Log } from '@plexd/runtime'
import {
  makePlannedBackup,
  plannedBackupMs,
  plannedFile,
  type RunSelf,
} from '../backup/planned/planned.ts'
import type { Config } from '../config/config.ts'
import type { MigrationWatch } from '../store/migrate.ts'
import type { OnStep } from '../store/start-step.ts'

interface MigrationOptions {
  clock: Clock
  log: Log
  /** Called before whatever may take minutes. */
  onStep?: OnStep | undefined
  run?: RunSelf
}

/** Over a large database: each row is read and written once. */
const migrationMs = 30 * 60_000

/**
 * Logs how the database of an earlier version is changed, and for how long. An older program cannot use it afterwards: so a backup is made
 * before, where the settings say how, and without it nothing is changed.
 */
export function watchMigration(
  config: Config,
  { clock, log, onStep, run }: MigrationOptions,
): MigrationWatch {
  let beganMs = 0
  return {
    async prepare({ from, to }) {
      const nowMs = clock.now()
      const file = plannedFile(config, nowMs)
      log.warn('the database is changed for this version, and no older one can use it then', {
        schema_from: from,
        schema_to: to,
        backup: file ?? 'none: backup_folder is not set',
      })
      if (file === undefined) return
      onStep?.({ words: 'making a backup before the database is changed', maxMs: plannedBackupMs })
      const options = { nowMs, log, ...(run ? { run } : {}) }
      const made = await makePlannedBackup(config, file, options).catch((cause: unknown) => {
        throw new Error(refusal(cause), { cause })
      })
      log.info('backup made', { file, ...made })
    },
    begin({ step, of }) {
      beganMs = clock.monotonic()
      onStep?.({ words: `changing the database, step ${step} of ${of}`, maxMs: migrationMs })
    },
    end({ step, of }) {
      const seconds = Math.round(clock.monotonic() - beganMs) / 1_000
      log.info('the database was changed', { step, of, seconds })
    },
  }
}

function refusal(cause: unknown): string {
  return `change the database for this version: there has to be a backup first, and that failed: ${describeError(cause)}: mend that, start the version before again, or do without a backup by leaving out backup_folder`
}
