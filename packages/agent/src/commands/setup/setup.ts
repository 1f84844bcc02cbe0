import {
  CliError,
  confirm,
  createCommandLog,
  examine,
  exitCodes,
  formatFindings,
  type NamedFinding,
  printable,
  printJson,
  systemClock,
} from '@plexd/runtime'
import { type AgentConfig, defaultConfigFile, requireApiUrl } from '../../config/agent-config.ts'
import { placesOf } from '../../config/places.ts'
import { machineChecks } from '../../doctor/machine-checks.ts'
import { type Identity, loadIdentity } from '../../identity/identity.ts'
import { refuseAnother } from '../../registration/another-control-plane.ts'
import { hasJoinFile, withJoinString } from '../../registration/join-string.ts'
import { type Flags, type Json, loadConfigFor } from '../given/flags.ts'
import { ask, askSecret } from '../given/prompt.ts'
import { isPiped, readLine, sourcesOfEnrolled } from '../given/stdin.ts'
import { keepChosen } from './chosen-settings.ts'
import { findOrEnrol } from './find-or-enrol.ts'
import { describeOutcome, type Outcome, who } from './outcome.ts'
import { askConnection, type Person } from './questions.ts'
import { hasService, isServiceActive, startService, untilConnected } from './service.ts'
import { checkWays } from './way-checks.ts'

interface SetupFlags extends Json {
  yes?: boolean
  skipChecks?: boolean
}

/** From a machine with plexd on it to a node with a daemon that runs; the order is such that what fails has changed nothing. */
export async function runSetup(flags: Flags, given: SetupFlags): Promise<void> {
  const config = await loadConfigFor(flags)
  requireRoot(flags)
  const known = await loadIdentity(config.dataDir, config.hostname)
  const done = known
    ? await lookAgain(known, { config, flags, given })
    : await setUp({ config, flags, given })
  if (given.json) printJson(done)
  else process.stdout.write(describeOutcome(done))
}

interface Setup {
  config: AgentConfig
  flags: Flags
  given: SetupFlags
}

function requireRoot({ settings }: Flags): void {
  if (process.getuid?.() !== 0 && settings.dataDir === undefined)
    throw new CliError(
      'set up this machine: run this as root, "sudo plexd setup"',
      exitCodes.denied,
    )
}

async function setUp({ config, flags, given }: Setup): Promise<Outcome> {
  if (!given.skipChecks) await checkMachine(config)
  const person = given.yes || !process.stdin.isTTY ? undefined : { ask, askSecret }
  const joining = await connectionOf(config, person)
  for await (const finding of checkWays(placesOf(joining))) tell(finding)
  const { file, keys } = await keepChosen(flags.settings, flags.configFile)
  if (keys.length > 0) note(`wrote "${file}": ${keys.join(', ')}`)
  const log = createCommandLog('plexd', flags.settings.logLevel)
  const identity = await findOrEnrol(config, flags, { log, withJoin: async () => joining })
  note(`enrolled at ${joining.apiUrl} as "${identity.hostname}"`)
  const rest = { was_enrolled: false, config_keys: keys }
  return { ...who(identity), ...rest, ...(await startIfThere(config, flags, identity)) }
}

/** A join string of a file or stdin, or what a person says. */
async function connectionOf(config: AgentConfig, person: Person | undefined): Promise<AgentConfig> {
  const sources = { env: process.env, stdin: readLine }
  const isThere = hasJoinFile(config)
  const joined =
    person && !isThere
      ? await askConnection(config, person)
      : await withJoinString(config, { ...sources, ask: isPiped() ? readLine : undefined })
  requireApiUrl(joined)
  return joined
}

/** What is not there before a node is enrolled. */
const later = new Set(['identity', 'disk'])

async function checkMachine(config: AgentConfig): Promise<void> {
  const checks = machineChecks.filter(({ name }) => !later.has(name))
  const findings = await examine(checks, config)
  const wrong = findings.filter(({ state }) => state !== 'ok')
  note(`${findings.length - wrong.length} of ${findings.length} things that plexd needs are well`)
  if (wrong.length > 0) process.stderr.write(formatFindings(wrong))
  if (wrong.some(({ state }) => state === 'failed'))
    throw new CliError(
      'set up this machine: it lacks what is FAILED above: mend that and run this again, or go on without it by --skip-checks; nothing was changed',
    )
}

/** Throws after a step that failed. */
function tell(finding: NamedFinding): void {
  process.stderr.write(formatFindings([finding]))
  if (finding.state === 'failed')
    throw new CliError(
      'reach the control plane: see above; nothing was changed, and the token is still good',
      exitCodes.unreachable,
    )
}

/** Nothing changes unless somebody says so. */
async function lookAgain(identity: Identity, { config, flags, given }: Setup): Promise<Outcome> {
  await refuseAnother(config, identity.hostname, sourcesOfEnrolled)
  note(`this machine is set up already, as "${identity.hostname}" of ${config.apiUrl}`)
  const rest = { ...who(identity), was_enrolled: true, config_keys: [] }
  if (isElsewhere(flags) || !(await hasService()))
    return { ...rest, service: 'none', next: byHand(flags) }
  if (await isServiceActive()) return { ...rest, service: 'running', next: forOperator(identity) }
  const isAsked = given.yes === true || process.stdin.isTTY
  if (!isAsked) return { ...rest, service: 'stopped', next: 'systemctl enable --now plexd' }
  await confirm(process, { what: 'plexd.service does not run: start it', yes: given.yes })
  return { ...rest, ...(await startIfThere(config, flags, identity)) }
}

async function startIfThere(
  config: AgentConfig,
  flags: Flags,
  identity: Identity,
): Promise<Pick<Outcome, 'service' | 'next'>> {
  if (isElsewhere(flags) || !(await hasService())) return { service: 'none', next: byHand(flags) }
  await startService()
  const why = await untilConnected(config, systemClock)
  if (why === undefined) return { service: 'started', next: forOperator(identity) }
  note(`plexd.service runs, and has no connection to the control plane yet: ${why}`)
  return { service: 'started', next: 'plexd status' }
}

/** The service reads the usual file, and no other. */
function isElsewhere({ configFile = defaultConfigFile }: Flags): boolean {
  return configFile !== defaultConfigFile || process.env.PLEXD_CONFIG !== undefined
}

function byHand({ configFile }: Flags): string {
  return configFile === undefined ? 'plexd up' : `plexd up --config ${configFile}`
}

const forOperator = ({ hostname }: Identity): string => `plexctl node show ${hostname}`

function note(text: string): void {
  process.stderr.write(`plexd: ${printable(text)}\n`)
}
