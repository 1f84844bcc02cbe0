import { printJson, systemClock } from '@plexd/runtime'
import type { Command } from 'commander'
import { describeBackup, nextSteps } from '../backup/words.ts'
import { tellProgress } from './progress.ts'

const verifyExamples = `
Examples:
  plexd-control-plane backup verify /var/backups/plexd/plexd.tar.zst.age --identity-file backup.key
  plexd-control-plane backup verify F --identity-file backup.key --master-key-file master.key --json

All of it is read and unpacked to a temporary folder (TMPDIR), and its databases are opened.
Exit code: 0 it can be restored; 1 it cannot; 2 wrong usage.
`

const restoreExamples = `
Examples:
  plexd-control-plane restore /var/backups/plexd/plexd.tar.zst.age --data-dir /var/lib/plexd-control-plane --identity-file backup.key

  # Its database is sealed under a key that is not in it.
  plexd-control-plane restore F --data-dir DIR --identity-file backup.key --master-key-file master.key

  # What is there already moves to DIR/before-restore-TIME.
  plexd-control-plane restore F --data-dir DIR --identity-file backup.key --force

As root, the files belong to whoever the folder belongs to. If it is interrupted, nothing has changed, or the next start finishes it.
Exit code: 0 it was restored; 1 it was not, and nothing has changed; 2 wrong usage.
`

interface ReadFlags {
  identityFile?: string
  masterKeyFile?: string
  json?: boolean
}

export function addVerify(command: Command): void {
  addReadOptions(command)
    .description('read all of one, and say what would be restored; changes nothing')
    .argument('<FILE>', 'the backup')
    .option('--json', 'print JSON: file, opens_with_key, manifest')
    .addHelpText('after', verifyExamples)
    .action(async (file: string, options: ReadFlags) => {
      const { verifyBackup } = await import('../backup/verify.ts')
      const { masterKeyFile } = options
      const identities = await identitiesOf(options)
      const onProgress = tellProgress(options)
      const found = await verifyBackup({ file, identities, masterKeyFile, onProgress })
      if (options.json) return printJson({ file, ...found })
      const key = found.opens_with_key
        ? 'The master key opens it.'
        : 'Whether the master key opens it was not asked: name that with --master-key-file.'
      process.stdout.write(`${file}: can be restored\n${describeBackup(found.manifest)}${key}\n`)
    })
}

export function addRestore(command: Command): void {
  addReadOptions(command)
    .description('make a backup the content of a data folder')
    .argument('<FILE>', 'the backup')
    .requiredOption('--data-dir <DIR>', 'the data folder, empty or missing')
    .option('--force', 'put aside what is in it')
    .option('--json', 'print JSON: file, data_dir, epoch, aside, manifest')
    .addHelpText('after', restoreExamples)
    .action(async (file: string, options: ReadFlags & { dataDir: string; force?: boolean }) => {
      const { restoreBackup } = await import('../restore/restore.ts')
      const { dataDir, masterKeyFile, json } = options
      const { manifest, epoch, aside } = await restoreBackup({
        ...{ file, dataDir, masterKeyFile },
        identities: await identitiesOf(options),
        isForced: options.force ?? false,
        now: systemClock.now,
        onProgress: tellProgress(options),
      })
      if (json) return printJson({ file, data_dir: dataDir, epoch, aside, manifest })
      process.stdout.write(nextSteps({ dataDir, manifest, aside }))
    })
}

function addReadOptions(command: Command): Command {
  return command
    .option('--identity-file <FILE>', 'secret key of age that opens it, as age-keygen makes one')
    .option('--master-key-file <FILE>', 'what its database is sealed under, if that is not in it')
}

async function identitiesOf({ identityFile }: ReadFlags): Promise<string[] | undefined> {
  if (identityFile === undefined) return undefined
  const { readIdentities } = await import('../backup/archive/encryption.ts')
  return readIdentities(identityFile)
}
