import { CliError, exitCodes, printJson, systemClock } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import type { CreatedBackup } from '../backup/create.ts'
import { describeBackup } from '../backup/words.ts'
import type { Config } from '../config/config.ts'
import { bucketPlace, nameOfBucket } from '../config/settings/artifacts.ts'
import type { OptionalPart } from '../config/settings/backup-parts.ts'
import { checkRecipient } from '../config/settings/recipient.ts'
import { postgresPlace } from '../store/place/database.ts'
import { nameOfPlace } from '../store/postgres/place.ts'
import { addSettings, configOf } from './given-settings.ts'
import { tellProgress } from './progress.ts'

const examples = `
Examples:
  # While the control plane runs; only who has the key of the recipient can read it. The key is made with: age-keygen -o backup.key
  plexd-control-plane backup create --out /var/backups/plexd/plexd.tar.zst.age --recipient age1...

  # With everything that is needed to restore it, telemetry and recordings of sessions too.
  plexd-control-plane backup create --out F --recipients-file FILE --with-master-key --with-telemetry --with-recordings

  # What is in it, without this program.
  age -d -i backup.key /var/backups/plexd/plexd.tar.zst.age | tar --zstd -tv

The file has mode 0600. Without --with-master-key, keep master.key elsewhere: nothing can be restored without it.
Exit code: 0 it was made; 1 it was not, and there is no file; 2 wrong usage.
`

interface CreateFlags {
  out: string
  recipient?: string[]
  recipientsFile?: string
  unencrypted?: boolean
  withMasterKey?: boolean
  withTelemetry?: boolean
  withRecordings?: boolean
  scheduled?: boolean
  json?: boolean
}

export function addBackupCreate(command: Command): void {
  addSettings(command, [
    'dataDir',
    'databaseUrl',
    'databasePasswordFile',
    'artifactStore',
    'masterKeyFile',
    'caKeyFile',
    'tlsCertFile',
    'tlsKeyFile',
  ])
    .description('make one, whether or not the control plane is running')
    .requiredOption('--out <FILE>', 'the file to make; there must be none of that name')
    .option(
      '--recipient <AGE1...>',
      'encrypt it to this public key of age; repeatable (those of the setting backup_recipient)',
      (one: string, before: string[] = []) => [...before, one],
    )
    .option('--recipients-file <FILE>', 'the same from a file, one a line')
    .option(
      '--unencrypted',
      'do not encrypt it: whoever has the file has the state, and the keys in it',
    )
    .option('--with-master-key', 'put the master key into it')
    .option('--with-telemetry', 'put metrics, logs, audit records and series into it')
    .option('--with-recordings', 'put recordings of sessions into it')
    .option('--json', 'print JSON: file, bytes, seconds, is_encrypted, manifest, warnings')
    .addOption(
      new Option('--scheduled', 'note in the record that nobody has typed this').hideHelp(),
    )
    .addHelpText('after', examples)
    .action(async (options: CreateFlags & Record<string, unknown>) => {
      const config = await configOf(options)
      refuseServer(config)
      const recipients = await recipientsOf(options, config)
      const { createBackup } = await import('../backup/create.ts')
      const made = await createBackup({
        dataDir: config.dataDir,
        out: options.out,
        parts: partsOf(options),
        recipients,
        masterKeyFile: config.masterKeyFile,
        artifactStore: config.artifactStore && nameOfBucket(bucketPlace(config.artifactStore)),
        named: {
          ca_key_file: config.caKeyFile,
          tls_cert: config.tlsCertFile,
          tls_key: config.tlsKeyFile,
        },
        by: options.scheduled ? 'schedule' : 'command',
        now: systemClock.now,
        onProgress: tellProgress(options),
      })
      tellCreated(made, options)
    })
}

/** What is in the data folder would be a backup without the state. */
function refuseServer(config: Config): void {
  const place = postgresPlace(config)
  if (!place) return
  const name = nameOfPlace(place)
  throw new CliError(
    `back up: the state is in "${name}": make a backup of it there, as with pg_dump --format=custom '${name}', and one of "${config.dataDir}", which has the master key`,
  )
}

function partsOf({ withMasterKey, withTelemetry, withRecordings }: CreateFlags): OptionalPart[] {
  return [
    ...(withRecordings ? (['recordings'] as const) : []),
    ...(withTelemetry ? (['telemetry'] as const) : []),
    ...(withMasterKey ? (['master-key'] as const) : []),
  ]
}

async function recipientsOf(flags: CreateFlags, config: Config): Promise<readonly string[]> {
  const { recipient = [], recipientsFile, unencrypted } = flags
  const given = [...recipient.map(checkGiven), ...(await readListed(recipientsFile))]
  if (unencrypted && given.length > 0)
    throw new CliError('back up: either --unencrypted or recipients', exitCodes.usage)
  if (unencrypted) return []
  const recipients = given.length > 0 ? given : config.backupRecipients
  if (recipients.length > 0) return recipients
  throw new CliError(
    'back up: for whom? Name a public key of age with --recipient (age-keygen makes one), or say --unencrypted',
    exitCodes.usage,
  )
}

function checkGiven(text: string): string {
  try {
    return checkRecipient(text)
  } catch (error) {
    throw new CliError(`back up: ${(error as Error).message}`, exitCodes.usage)
  }
}

async function readListed(path: string | undefined): Promise<string[]> {
  if (path === undefined) return []
  const { readRecipients } = await import('../backup/archive/encryption.ts')
  return readRecipients(path)
}

function tellCreated(made: CreatedBackup, { json, unencrypted }: CreateFlags): void {
  for (const warning of made.warnings) process.stderr.write(`warning: ${warning}\n`)
  if (json) {
    printJson(made)
    return
  }
  const { file, bytes, seconds, manifest } = made
  process.stdout.write(
    `${file}: ${bytes} bytes in ${seconds.toFixed(1)} s\n${describeBackup(manifest)}`,
  )
  if (unencrypted)
    process.stdout.write('It is not encrypted: keep it as you keep the data folder.\n')
}
