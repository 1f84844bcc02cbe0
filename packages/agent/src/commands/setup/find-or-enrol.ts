import { hostnameKey } from '@plexd/protocol'
import { CliError, type Log, printable, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { rememberSettings } from '../../config/remembered.ts'
import { openDatabase } from '../../disk/database.ts'
import { type Identity, loadIdentity } from '../../identity/identity.ts'
import { refuseAnother } from '../../registration/another-control-plane.ts'
import { describeBinary, describeCapabilities } from '../../registration/capabilities.ts'
import { enrol } from '../../registration/enrol.ts'
import { settleUsed } from '../../registration/used-files.ts'
import { openDesiredStore } from '../../state/desired-store.ts'
import type { Flags } from '../given/flags.ts'
import { askSecret } from '../given/prompt.ts'
import { sourcesOfEnrolled } from '../given/stdin.ts'

interface Enrolling {
  log: Log
  /** The settings with what is needed to enrol. */
  withJoin: (config: AgentConfig) => Promise<AgentConfig>
}

/** Whoever this machine is, or becomes. */
export async function findOrEnrol(
  config: AgentConfig,
  flags: Flags,
  { log, withJoin }: Enrolling,
): Promise<Identity> {
  const known = await loadIdentity(config.dataDir, config.hostname)
  if (known) return await asAsked(known, config, log)
  const database = openDatabase(config.dataDir, log)
  try {
    // Check again under the lock: another join, or the daemon, may have been faster.
    const enrolled = await loadIdentity(config.dataDir, config.hostname)
    return enrolled
      ? await asAsked(enrolled, config, log)
      : await enrolHere(await withJoin(config), flags, log)
  } finally {
    database.close()
  }
}

/** An enrolled machine is not changed; if another name was requested, say so. */
async function asAsked(known: Identity, config: AgentConfig, log: Log): Promise<Identity> {
  const { hostname, hostnameChosen } = config
  const { node_id, hostname: old } = known
  await refuseAnother(config, old, sourcesOfEnrolled)
  if (!hostnameChosen || hostnameKey(hostname) === hostnameKey(old)) {
    process.stderr.write(
      `plexd: this machine is enrolled already, as "${printable(old)}"${config.apiUrl && ` of "${config.apiUrl}"`}\n`,
    )
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
