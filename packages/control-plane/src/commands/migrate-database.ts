import {
  CliError,
  createLog,
  describeError,
  exitCodes,
  printJson,
  systemClock,
} from '@plexd/runtime'
import type { Command } from 'commander'
import { bucketPlace, nameOfBucket } from '../config/settings/artifacts.ts'
import { parseDatabaseUrl } from '../config/settings/database.ts'
import { addSettings, configOf } from './given-settings.ts'
import { tellProgress } from './progress.ts'

const examples = `
Examples:
  # The database is empty, as createdb makes it, and the control plane is stopped.
  systemctl stop plexd-control-plane
  plexd-control-plane migrate-database --to postgres://plexd@db.example.com/plexd --to-password-file /etc/plexd/database.password

  # Sooner done: metrics, logs, audit records and series stay in the data folder.
  plexd-control-plane migrate-database --to postgres://plexd@db.example.com/plexd --without-telemetry

  # What was copied, with its digests on both sides.
  plexd-control-plane migrate-database --to postgres://plexd@db.example.com/plexd --data-dir DIR --json

All of it is copied and compared, the state in the end in one transaction. If it is interrupted, nothing has changed, or the same command finishes it.
Recordings of sessions, artifacts (those in a store of their own stay there), metrics, logs, audit records and series go with it. A gigabyte of telemetry takes about 20 s where the database is on this machine; nodes keep what they have to send meanwhile.
Exit code: 0 it was moved; 1 it was not; 2 wrong usage or settings.
`

interface MoveFlags {
  to: string
  toPasswordFile?: string
  withoutTelemetry?: boolean
  json?: boolean
}

export function addMigrateDatabase(command: Command): void {
  addSettings(command, ['dataDir', 'masterKeyFile', 'caKeyFile', 'artifactStore'])
    .description('move all that is in the data folder to an empty database of PostgreSQL')
    .requiredOption(
      '--to <URL>',
      'the database, as in postgres://USER@HOST/DATABASE; over TLS, unless HOST is this machine',
    )
    .option('--to-password-file <FILE>', 'the password for that, and nothing else')
    .option(
      '--without-telemetry',
      'leave metrics, logs, audit records and series where they are: they begin anew',
    )
    .option(
      '--json',
      'print JSON: data_dir, to, epoch, aside, tables, blobs, telemetry, authority, staying, warnings',
    )
    .addHelpText('after', examples)
    .action(async (options: MoveFlags & Record<string, unknown>) => {
      const config = await configOf(options)
      const { dataDir, masterKeyFile, caKeyFile, backupFolder } = config
      const artifactStore = config.artifactStore && nameOfBucket(bucketPlace(config.artifactStore))
      const { moveDatabase } = await import('../database-move/move.ts')
      const { describeMove, telemetryIn } = await import('../database-move/words.ts')
      const moved = await moveDatabase({
        ...{ dataDir, masterKeyFile, caKeyFile, artifactStore },
        telemetryMs: options.withoutTelemetry ? undefined : config.limits.telemetry_ms,
        to: { url: readUrl(options.to), passwordFile: options.toPasswordFile },
        clock: systemClock,
        log: createLog('plexd-control-plane', config.logLevel),
        onProgress: tellProgress(options),
      })
      if (!options.json) {
        process.stdout.write(
          describeMove(moved, { dataDir, masterKeyFile, backupFolder, artifactStore }),
        )
        return
      }
      const { move, tables = null, authority = null, blobs, telemetry, warnings } = moved
      const { to, epoch, aside } = move
      const staying = move.has_telemetry ? [] : telemetryIn(dataDir)
      printJson({
        ...{ data_dir: dataDir, to, epoch, aside, tables },
        ...{ blobs, telemetry, authority, staying, warnings },
      })
    })
}

function readUrl(text: string): string {
  try {
    return parseDatabaseUrl(text, '--to')
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}
