import { createLog, type Log, printable, printJson, systemClock } from '@plexd/runtime'
import { describeCapabilities } from '../capabilities.ts'
import { type AgentConfig, requireApiUrl } from '../config.ts'
import { openDatabase } from '../database.ts'
import { type Identity, loadIdentity } from '../identity.ts'
import { enrol } from '../registration/enrol.ts'
import { openDesiredStore } from '../state/desired-store.ts'
import { type Flags, loadConfigFor } from './flags.ts'
import { askSecret } from './prompt.ts'

/** Enrols and prints who the node is; a node that is enrolled already is only shown. */
export async function runJoin(flags: Flags, { json }: { json?: boolean }): Promise<void> {
  const config = await loadConfigFor(flags)
  const log = createLog('plexd', flags.settings.logLevel ?? 'warn')
  const { node_id, mesh_ip, hostname } = await findOrEnrol(config, log)
  if (json) printJson({ node_id, mesh_ip, hostname })
  else process.stdout.write(`node_id: ${printable(node_id)}\nmesh_ip: ${printable(mesh_ip)}\n`)
}

async function findOrEnrol(config: AgentConfig, log: Log): Promise<Identity> {
  const known = await loadIdentity(config.dataDir, config.hostname)
  if (known) return known
  requireApiUrl(config)
  const database = openDatabase(config.dataDir, log)
  try {
    // A second look under the lock: another join, or the daemon, may have been quicker.
    const enrolled = await loadIdentity(config.dataDir, config.hostname)
    return enrolled ?? (await enrolHere(config, log))
  } finally {
    database.close()
  }
}

async function enrolHere(config: AgentConfig, log: Log): Promise<Identity> {
  await using desired = await openDesiredStore({ dataDir: config.dataDir, log })
  return await enrol({
    config,
    capabilities: await describeCapabilities([]),
    env: process.env,
    desired,
    ...(process.stdin.isTTY ? { askToken: () => askSecret('Bootstrap token: ') } : {}),
    giveUpAfterMs: config.registerForMs,
    clock: systemClock,
    log,
  })
}
