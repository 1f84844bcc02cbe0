import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type DaemonStatus, noCounts, type PeerStatus } from '@plexd/protocol'
import { exec, type Log, silentLog, systemClock } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { NodeFacts } from '../actions/builtin/node-facts.ts'
import { createLogReader } from '../actions/log-reader.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Identity, loadIdentity } from '../identity/identity.ts'
import { knownSecrets } from '../identity/known-secrets.ts'
import { createPingOpener } from '../path/ping-socket.ts'
import type { MeshState } from '../state/desired-state.ts'
import { createMeshJournal } from '../state/mesh-journal.ts'
import { version } from '../version.ts'
import { parseDump } from '../wireguard/backend/wg-dump.ts'
import { describePeers } from '../wireguard/peers/peer-status.ts'

const noDaemon = 'this runs without the daemon'

/** The node as its files and its interface show it, without a daemon. Nothing is changed. */
export async function openOfflineNode(config: AgentConfig): Promise<NodeFacts> {
  const { dataDir, meshInterface, hostname } = config
  const identity = await loadIdentity(dataDir, hostname)
  const { peers } = await readMesh(dataDir, silentLog)
  return {
    config,
    clock: systemClock,
    status: () => describe(config, identity, peers.length),
    desired: () => ({ peers }),
    peers: () => readPeers(meshInterface, peers),
    async policies() {
      throw new Error(noDaemon)
    },
    openPing: createPingOpener(meshInterface),
    async reconnect() {
      throw new Error(noDaemon)
    },
    async reload() {
      throw new Error(noDaemon)
    },
    restart() {
      throw new Error(noDaemon)
    },
    async upgrade() {
      throw new Error(noDaemon)
    },
    cannotUpgrade: noDaemon,
    // Its service is called that by the installer.
    readLog: createLogReader({ kept: () => [], unit: 'plexd.service' }),
    secrets: () =>
      knownSecrets({ config, peers, env: process.env, ...(identity ? { identity } : {}) }),
  }
}

/** Empty where nothing is stored: opening the journal would make it. */
async function readMesh(dataDir: string, log: Log): Promise<Pick<MeshState, 'peers'>> {
  const path = join(dataDir, 'state', 'mesh.journal')
  if (!existsSync(path)) return { peers: [] }
  await using journal = createMeshJournal(path, log)
  return (await journal.load()).state
}

async function readPeers(interfaceName: string, peers: MeshState['peers']): Promise<PeerStatus[]> {
  const dump = parseDump(await exec(['wg', 'show', interfaceName, 'dump'])).peers
  return describePeers(peers, dump, {
    nowSeconds: systemClock.now() / 1_000,
    natType: 'unknown',
  })
}

function describe(
  config: AgentConfig,
  identity: Identity | undefined,
  peers: number,
): Static<typeof DaemonStatus> {
  const enabled = networkInterfaces()[config.meshInterface] !== undefined
  const reason = `not up: there is no interface "${config.meshInterface}"`
  return {
    version,
    pid: 0,
    node_id: identity?.node_id ?? '',
    hostname: identity?.hostname ?? config.hostname,
    mesh_ip: identity?.mesh_ip ?? '',
    uptime: '0s',
    control_plane: {
      url: config.apiUrl,
      stream: 'stopped',
      stream_connects: 0,
      last_event_id: '',
      last_heartbeat_at: null,
      last_reconcile_at: null,
      last_error: noDaemon,
      clock_skew_seconds: 0,
    },
    revision: '',
    mesh: {
      enabled,
      interface: config.meshInterface,
      backend: 'none',
      peers,
      ...(enabled ? {} : { reason }),
    },
    counts: noCounts,
    problems: [noDaemon],
  }
}
