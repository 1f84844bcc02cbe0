import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  CliError,
  createLog,
  type DaemonStart,
  describeError,
  examineConfigFile,
  exitCodes,
  findCredentials,
  type Log,
  openServiceManager,
  printJson,
  readConfigFile,
  readSince,
  runUntilSignal,
  type SeenCredential,
  type ServiceManager,
  startMemoryReturn,
  systemClock,
  tellConfigFindings,
  tellFindings,
  withCredentialsOf,
} from '@plexd/runtime'
import { Command, Option } from 'commander'
import { addBackupCommands } from './backup-commands.ts'
import { type Config, examineConfig, resolveConfig } from './config/config.ts'
import { describeSetting, fileName } from './config/settings/setting.ts'
import {
  credentialNames,
  credentialSettings,
  envSettings,
  type Given,
  settingRows,
  settings,
} from './config/settings.ts'
import type { ControlPlane } from './control-plane.ts'
import { probeControlPlane } from './start/service-probe.ts'
import type { MigrationStep } from './store/migrate.ts'
import { version } from './version.ts'

const examples = `
Examples:
  # A private authority and certificate are made at first start; give nodes DIR/ca.crt.
  plexd-control-plane serve --data-dir /var/lib/plexd-control-plane --listen 0.0.0.0:8443

  # With a certificate of your own.
  plexd-control-plane serve --tls-cert server.crt --tls-key server.key --public-url https://plexd.example.com

  # Behind a proxy on the same machine, or to try it out.
  plexd-control-plane serve --data-dir ./data --listen 127.0.0.1:8080 --insecure-http

Each option is also read from the environment (--data-dir as PLEXD_CP_DATA_DIR) and from
the file given with --config (data_dir: ...). Options win over the environment, that over the file.
The first start writes the token of the first operator to DIR/admin-token. The admin socket wants a token too:
  plexctl --server unix://DIR/admin.sock --token-file DIR/admin-token node list
`

const resetExamples = `
Examples:
  # When the token is lost: the old one is worth nothing afterwards, other operators keep theirs.
  systemctl stop plexd-control-plane
  plexd-control-plane admin-token reset --data-dir /var/lib/plexd-control-plane
  systemctl start plexd-control-plane
`

const checkExamples = `
Examples:
  plexd-control-plane config check /etc/plexd/control-plane.yaml

Exit code: 0 all is well; 2 it would not start.
`

const doctorExamples = `
Examples:
  # With the settings that it is started with; as root, or as its user.
  plexd-control-plane doctor --data-dir /var/lib/plexd-control-plane
  plexd-control-plane doctor --config /etc/plexd/control-plane.yaml --json

It changes nothing, and the control plane may run meanwhile.
Exit code: 0 all is well, or there are warnings only; 1 something has to be mended; 2 wrong usage or settings.
`

const reportExamples = `
Examples:
  # With the settings that it is started with; as root, or as its user. Look before you send it.
  plexd-control-plane bugreport --data-dir /var/lib/plexd-control-plane

  # With the log of a day, on a machine whose disk is full.
  ssh cp sudo plexd-control-plane bugreport --since 24h --out - > cp.tar.gz

The control plane may run, hang or be down. No key, no token and no row of the database is in it.
Exit code: 0 it was made; 1 it could not be written; 2 wrong usage or settings.
`

/** The command line of the control plane. `daemonStart` is what the server was told. */
export function createProgram(daemonStart?: DaemonStart): Command {
  const program = new Command('plexd-control-plane')
    .description('The control plane of plexd: holds what nodes should be, and tells them')
    .version(version)
  program
    .command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson({ version })
      else process.stdout.write(`plexd-control-plane version ${version}\n`)
    })
  addSettings(program.command('serve'))
    .description('serve until SIGTERM')
    .addHelpText('after', examples)
    .action(async (options: Record<string, unknown>) => {
      // What systemd has told us is no longer in our own environment.
      const readConfig = () => configOf(options, { ...process.env, ...daemonStart?.service })
      await run(readConfig, daemonStart)
    })
  addSettings(program.command('doctor'))
    .description('look for what this control plane lacks, and say what to do')
    .option('--json', 'print JSON: a list of check, state, detail and remedy')
    .addHelpText('after', doctorExamples)
    .action(async ({ json, ...options }: { json?: boolean; [setting: string]: unknown }) => {
      const { examineControlPlane } = await import('./doctor/doctor.ts')
      tellFindings(await examineControlPlane(await configOf(options), systemClock.now()), { json })
    })
  addSettings(program.command('bugreport'))
    .description('gather what support wants to see in one file, without a secret')
    .option('--out <FILE>', 'a new file, or "-" for stdout; named by machine and time by default')
    .option('--since <DURATION>', 'how far back the log goes', '1h')
    .option('--json', 'print JSON: file, bytes, notes, and a list of parts')
    .addHelpText('after', reportExamples)
    .action(async ({ out, since, json, ...options }: ReportOptions) => {
      const { saveReport } = await import('./bugreport/save-report.ts')
      const file = options.config ?? process.env.PLEXD_CP_CONFIG
      const flags = flagSettings(options)
      const given = { flags, env: process.env, file: typeof file === 'string' ? file : undefined }
      const notes: string[] = []
      // A report is wanted most when the settings are wrong.
      const config = await configOf(options).catch((error: unknown) => {
        notes.push(`the settings cannot be read: ${describeError(error)}`)
        return resolveConfig({ flags, env: {}, file: {} })
      })
      await saveReport(config, given, { out, json, notes, sinceMs: readSince(since) })
    })
  program
    .command('config')
    .description('the config file')
    .command('check')
    .description('look for what is wrong or mistyped in it, and change nothing')
    .argument('[FILE]', 'where PLEXD_CP_CONFIG points when left out')
    .option('--json', 'print JSON: the file, and a list of key, state, detail and did_you_mean')
    .addHelpText('after', checkExamples)
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      await checkConfig(file ?? process.env.PLEXD_CP_CONFIG, options)
    })
  program
    .command('admin-token')
    .description('the token of the first operator')
    .command('reset')
    .description('make it anew on the machine of the control plane, which must not be running')
    .option('--data-dir <DIR>', 'its data folder', settings.dataDir.default)
    .addHelpText('after', resetExamples)
    .action(async ({ dataDir }: { dataDir: string }) => {
      const { resetAdminToken } = await import('./start/admin-token-reset.ts')
      const path = await resetAdminToken(dataDir, systemClock.now())
      process.stdout.write(`the new token is in ${path}\n`)
    })
  addBackupCommands(program, { add: addSettings, read: configOf })
  return program
}

interface ReportOptions {
  out?: string
  since: string
  json?: boolean
  [setting: string]: unknown
}

/** All of them, or those named. */
function addSettings(command: Command, names?: readonly string[]): Command {
  command.option('--config <FILE>', 'YAML file with settings')
  for (const [name, row] of settingRows) {
    if (names && !names.includes(name)) continue
    const flag = row.value ? `--${row.name} <${row.value}>` : `--${row.name}`
    const option = new Option(flag, describeSetting(row))
    if (row.list) option.argParser((item: string, before: string[] = []) => [...before, item])
    command.addOption(option)
  }
  return command
}

/** What `LoadCredential=` of this unit hands over, commands use too. */
const serviceUnit = 'plexd-control-plane.service'

async function configOf(
  options: Record<string, unknown>,
  env = withCredentialsOf(serviceUnit),
): Promise<Config> {
  const path = options.config ?? env.PLEXD_CP_CONFIG
  const file = typeof path === 'string' ? await readConfigFile(path) : {}
  if (!file) throw new CliError(`read config "${path}": there is no such file`, exitCodes.usage)
  try {
    return resolveConfig({
      flags: flagSettings(options),
      env: envSettings(env),
      file: { ...credentialSettings(env), ...file },
    })
  } catch (error) {
    throw new CliError(describeError(error), exitCodes.usage)
  }
}

async function checkConfig(path: string | undefined, options: { json?: boolean }): Promise<void> {
  if (path === undefined)
    throw new CliError('check config: want the name of a file', exitCodes.usage)
  const found = findCredentials(credentialNames, withCredentialsOf(serviceUnit))
  const files = Object.fromEntries(Array.from(found, ([key, { file }]) => [key, file]))
  let credentials: SeenCredential[] = []
  const findings = await examineConfigFile(path, (mapping) => {
    credentials = Array.from(found, ([key, credential]) => {
      return { key, ...credential, is_used: mapping[key] === undefined }
    })
    return examineConfig(mapping, files)
  })
  tellConfigFindings(path, findings, { ...options, credentials })
}

/** Converts commander's camel case back to the names in the file. */
function flagSettings(options: Record<string, unknown>): Given {
  return Object.fromEntries(
    settingRows.flatMap(([, row]) => {
      const value = options[new Option(`--${row.name}`).attributeName()]
      return value === undefined ? [] : [[fileName(row), value]]
    }),
  )
}

/** The file should be deleted, because anyone who copies the data folder becomes an owner. */
function adviseOfToken({ dataDir }: Config, log: Log): void {
  const file = join(dataDir, 'admin-token')
  if (existsSync(file))
    log.info("keep the first operator's token elsewhere, and remove the file", { file })
}

async function run(
  readConfig: () => Promise<Config>,
  daemonStart: DaemonStart | undefined,
): Promise<void> {
  const config = await readConfig()
  const log = createLog('plexd-control-plane', config.logLevel)
  // Loaded lazily: it is most of the program, and no other command needs it.
  const { startControlPlane } = await import('./control-plane.ts')
  using _memory = startMemoryReturn({ clock: systemClock, log })
  const manager = openServiceManager(daemonStart?.service ?? {}, log)
  let running: ControlPlane | undefined
  await runUntilSignal(
    async () => {
      const onMigration = tellMigration(manager)
      const controlPlane = await startControlPlane(config, { clock: systemClock, log, onMigration })
      running = controlPlane
      process.stdout.write(`listening on ${controlPlane.url}\n`)
      log.info('serving', { url: controlPlane.url, version })
      adviseOfToken(config, log)
      return {
        async reload() {
          await controlPlane.reload(readConfig)
          log.setLevel(controlPlane.app.config.logLevel)
        },
        [Symbol.asyncDispose]: () => controlPlane[Symbol.asyncDispose](),
      }
    },
    {
      log,
      manager,
      reloadRequests: daemonStart?.reloadRequests,
      probe: probeControlPlane(() => running),
    },
  )
}

/** A step over a large database: it reads and writes each row once, and nothing else runs meanwhile. */
const migrationMs = 30 * 60_000

function tellMigration(manager: ServiceManager) {
  return ({ step, of }: MigrationStep): void => {
    manager.status(`changing the database, step ${step} of ${of}`)
    manager.extend(migrationMs)
  }
}
