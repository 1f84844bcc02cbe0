import { hostnameKey } from '@plexd/protocol'
import {
  CliError,
  createLog,
  exitCodes,
  type Log,
  printable,
  printJson,
  systemClock,
} from '@plexd/runtime'
import { type AgentConfig, requireApiUrl } from '../config/agent-config.ts'
import { rememberSettings } from '../config/remembered.ts'
import { openDatabase } from '../disk/database.ts'
import { type Identity, loadIdentity } from '../identity/identity.ts'
import { describeBinary, describeCapabilities } from '../registration/capabilities.ts'
import { enrol } from '../registration/enrol.ts'
import { withJoinString } from '../registration/join-string.ts'
import { settleUsed } from '../registration/used-files.ts'
import { openDesiredStore } from '../state/desired-store.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'
import { askSecret } from './given/prompt.ts'
import { isPiped, readLine } from './given/stdin.ts'

/** Enrols and prints the identity; a node that is already enrolled is only shown. */
export async function runJoin(
  flags: Flags,
  { json, join }: Json & { join?: string },
): Promise<void> {
  if (join !== undefined) throw onTheCommandLine
  const config = await loadConfigFor(flags)
  const log = createLog('plexd', flags.settings.logLevel ?? 'warn')
  const { node_id, mesh_ip, hostname } = await findOrEnrol(config, flags, { log, joining })
  if (json) printJson({ node_id, mesh_ip, hostname })
  else {
    const [id, name, ip] = [node_id, hostname, mesh_ip].map(printable)
    process.stdout.write(`node_id: ${id}\nhostname: ${name}\nmesh_ip: ${ip}\n`)
  }
}

const onTheCommandLine = new CliError(
  'join: every user of this machine sees what is on a command line: give the join string to the prompt, to stdin, or by --join-file FILE; revoke the token that was shown ("plexctl token revoke ID") and make another',
  exitCodes.usage,
)

export interface Enrolling {
  log: Log
  /** The settings with what is needed to enrol. */
  joining: (config: AgentConfig) => Promise<AgentConfig>
}

/** Whoever this machine is, or becomes. */
export async function findOrEnrol(
  config: AgentConfig,
  flags: Flags,
  { log, joining }: Enrolling,
): Promise<Identity> {
  const known = await loadIdentity(config.dataDir, config.hostname)
  if (known) return await asAsked(known, config, log)
  const database = openDatabase(config.dataDir, log)
  try {
    // Check again under the lock: another join, or the daemon, may have been faster.
    const enrolled = await loadIdentity(config.dataDir, config.hostname)
    return enrolled
      ? await asAsked(enrolled, config, log)
      : await enrolHere(await joining(config), flags, log)
  } finally {
    database.close()
  }
}

/** The settings, and a join string if there is one; a person is asked for it if nothing says where the control plane is. */
async function joining(config: AgentConfig): Promise<AgentConfig> {
  const askPerson = process.stdin.isTTY ? () => askSecret('Join string: ') : undefined
  const ask = askPerson ?? (isPiped() ? readLine : undefined)
  const joined = await withJoinString(config, { env: process.env, stdin: readLine, ask })
  requireApiUrl(joined)
  return joined
}

/** An enrolled machine is not changed; if another name was requested, say so. */
async function asAsked(known: Identity, config: AgentConfig, log: Log): Promise<Identity> {
  const { hostname, hostnameChosen } = config
  const { node_id, hostname: old } = known
  if (!hostnameChosen || hostnameKey(hostname) === hostnameKey(old)) {
    process.stderr.write(`plexd: this machine is enrolled already, as "${old}"\n`)
    await settleUsed(config, log)
    return known
  }
  throw new CliError(
    `join as "${hostname}": this machine is enrolled already, as "${old}" (${node_id}): rename it with "plexctl node rename ${node_id} ${hostname}", or leave with "plexd deregister --purge" and join again`,
  )
}

async function enrolHere(config: AgentConfig, flags: Flags, log: Log): Promise<Identity> {
  await using desired = await openDesiredStore({ dataDir: config.dataDir, log })
  return await enrol({
    config,
    capabilities: describeCapabilities(await describeBinary(), {
      actions: [],
      maxConcurrent: config.maxConcurrentActions,
      maxActionMs: config.maxActionMs,
      // The daemon announces them, with the key that it makes.
      sessions: undefined,
    }),
    env: process.env,
    desired,
    ...(process.stdin.isTTY ? { askToken: () => askSecret('Bootstrap token: ') } : {}),
    remember: () => rememberSettings(config, flags.settings),
    giveUpAfterMs: config.registerForMs,
    clock: systemClock,
    log,
  })
}
