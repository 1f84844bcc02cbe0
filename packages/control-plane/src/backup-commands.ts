import { CliError, exitCodes, printJson, systemClock } from '@plexd/runtime'
import type { Command } from 'commander'
import type { CreatedBackup } from './backup/create.ts'
import { describeBackup, nextSteps } from './backup/words.ts'
import type { Config } from './config/config.ts'
import type { OptionalPart } from './config/settings/backup-parts.ts'
import { checkRecipient } from './config/settings/recipient.ts'

/** What these commands need of the program: options for some settings, and the settings that result. */
export interface SettingOptions {
  add(command: Command, names: readonly string[]): Command
  read(options: Record<string, unknown>): Promise<Config>
}

const createExamples = `
Examples:
  # While the control plane runs; only who has the key of the recipient can read it. The key is made with: age-keygen -o backup.key
  plexd-control-plane backup create --out /backup/plexd.tar.zst.age --recipient age1...

  # With everything that is needed to restore it, telemetry and recordings of sessions too.
  plexd-control-plane backup create --out F --recipients-file FILE --with-master-key --with-telemetry --with-recordings

  # What is in it, without this program.
  age -d -i backup.key /backup/plexd.tar.zst.age | tar --zstd -tv

The file has mode 0600. Without --with-master-key, keep master.key elsewhere: nothing can be restored without it.
Exit code: 0 it was made; 1 it was not, and there is no file; 2 wrong usage.
`

const verifyExamples = `
Examples:
  plexd-control-plane backup verify /backup/plexd.tar.zst.age --identity-file backup.key
  plexd-control-plane backup verify F --identity-file backup.key --master-key-file master.key --json

All of it is read and unpacked to a temporary folder (TMPDIR), and its databases are opened.
Exit code: 0 it can be restored; 1 it cannot; 2 wrong usage.
`

const restoreExamples = `
Examples:
  plexd-control-plane restore /backup/plexd.tar.zst.age --data-dir /var/lib/plexd-control-plane --identity-file backup.key

  # Its database is sealed under a key that is not in it.
  plexd-control-plane restore F --data-dir DIR --identity-file backup.key --master-key-file master.key

  # What is there already moves to DIR/before-restore-TIME.
  plexd-control-plane restore F --data-dir DIR --identity-file backup.key --force

As root, the files belong to whoever the folder belongs to. If it is interrupted, nothing has changed, or the next start finishes it.
Exit code: 0 it was restored; 1 it was not, and nothing has changed; 2 wrong usage.
`

/** `backup create`, `backup verify` and `restore`. */
export function addBackupCommands(program: Command, settings: SettingOptions): void {
  const backup = program.command('backup').description('backups of this control plane')
  addCreate(backup.command('create'), settings)
  addVerify(backup.command('verify'))
  addRestore(program.command('restore'))
}

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

function addCreate(command: Command, settings: SettingOptions): void {
  settings
    .add(command, ['dataDir', 'masterKeyFile', 'caKeyFile', 'tlsCertFile', 'tlsKeyFile'])
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
    .option('--scheduled', 'note in the record that nobody has typed this')
    .addHelpText('after', createExamples)
    .action(async (options: CreateFlags & Record<string, unknown>) => {
      const config = await settings.read(options)
      const recipients = await recipientsOf(options, config)
      const { createBackup } = await import('./backup/create.ts')
      const made = await createBackup({
        dataDir: config.dataDir,
        out: options.out,
        parts: partsOf(options),
        recipients,
        masterKeyFile: config.masterKeyFile,
        named: {
          ca_key_file: config.caKeyFile,
          tls_cert: config.tlsCertFile,
          tls_key: config.tlsKeyFile,
        },
        by: options.scheduled ? 'schedule' : 'command',
        now: systemClock.now,
        onProgress: progress(options),
      })
      tellCreated(made, options)
    })
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
  const { readRecipients } = await import('./backup/archive/encryption.ts')
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

interface ReadFlags {
  identityFile?: string
  masterKeyFile?: string
  json?: boolean
}

function addReadOptions(command: Command): Command {
  return command
    .option('--identity-file <FILE>', 'secret key of age that opens it, as age-keygen makes one')
    .option('--master-key-file <FILE>', 'what its database is sealed under, if that is not in it')
}

async function identitiesOf({ identityFile }: ReadFlags): Promise<string[] | undefined> {
  if (identityFile === undefined) return undefined
  const { readIdentities } = await import('./backup/archive/encryption.ts')
  return readIdentities(identityFile)
}

function addVerify(command: Command): void {
  addReadOptions(command)
    .description('read all of one, and say what would be restored; changes nothing')
    .argument('<FILE>', 'the backup')
    .option('--json', 'print JSON: file, opens_with_key, manifest')
    .addHelpText('after', verifyExamples)
    .action(async (file: string, options: ReadFlags) => {
      const { verifyBackup } = await import('./backup/verify.ts')
      const { masterKeyFile } = options
      const identities = await identitiesOf(options)
      const onProgress = progress(options)
      const found = await verifyBackup({ file, identities, masterKeyFile, onProgress })
      if (options.json) return printJson({ file, ...found })
      const key = found.opens_with_key
        ? 'The master key opens it.'
        : 'Whether the master key opens it was not asked: name that with --master-key-file.'
      process.stdout.write(`${file}: can be restored\n${describeBackup(found.manifest)}${key}\n`)
    })
}

function addRestore(command: Command): void {
  addReadOptions(command)
    .description('make a backup the content of a data folder')
    .argument('<FILE>', 'the backup')
    .requiredOption('--data-dir <DIR>', 'the data folder, empty or missing')
    .option('--force', 'put aside what is in it')
    .option('--json', 'print JSON: file, data_dir, epoch, aside, manifest')
    .addHelpText('after', restoreExamples)
    .action(async (file: string, options: ReadFlags & { dataDir: string; force?: boolean }) => {
      const { restoreBackup } = await import('./restore/restore.ts')
      const { dataDir, masterKeyFile, json } = options
      const { manifest, epoch, aside } = await restoreBackup({
        ...{ file, dataDir, masterKeyFile },
        identities: await identitiesOf(options),
        isForced: options.force ?? false,
        now: systemClock.now,
        onProgress: progress(options),
      })
      if (json) return printJson({ file, data_dir: dataDir, epoch, aside, manifest })
      process.stdout.write(nextSteps({ dataDir, manifest, aside }))
    })
}

/** For a person who waits. */
function progress({ json }: { json?: boolean }): (text: string) => void {
  return json || !process.stderr.isTTY ? () => {} : (text) => void process.stderr.write(`${text}\n`)
}
