import type { DaemonStatus, Peer } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Static } from 'typebox'
import { defaultConfig } from '../../config/agent-config.ts'
import { describePeers } from '../../wireguard/peers/peer-status.ts'
import type { NodeFacts } from '../builtin/node-facts.ts'
import type { ActionContext } from '../define.ts'

/** A node in memory, for actions: with these peers, and a mesh that nothing answers. */
export function fakeNode(peers: readonly Peer[] = [], changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    config: { ...defaultConfig, apiUrl: 'https://cp.example.com', dataDir: '/tmp' },
    clock: createFakeClock(),
    status: () => aStatus({}),
    desired: () => ({ peers }),
    peers: async () => describePeers(peers, [], { nowSeconds: 0, natType: 'unknown' }),
    policies: async () => ({
      filtering: false,
      reason: '',
      default_action: 'deny',
      rules: [],
      default: { packets: 0, bytes: 0 },
      denied: { packets: 0, bytes: 0 },
    }),
    openPing: async () => ({ send: () => true, read: () => [], follow() {}, close() {} }),
    reconnect: async () => {},
    reload: async () => ({ changed: [], needs_restart: [], unknown: [] }),
    restart() {},
    upgrade: async () => 'upgraded',
    cannotUpgrade: undefined,
    readLog: async () => ({ source: 'the log since the start', lines: [] }),
    secrets: () => [],
    ...changes,
  }
}

/** What an execution of the control plane is run with. */
export function aContext(changes: Partial<ActionContext> = {}): ActionContext {
  return {
    signal: new AbortController().signal,
    executionId: 'exec_1',
    action: 'any',
    triggeredBy: { type: 'control_plane' },
    outputBytes: 64 * 1024,
    ...changes,
  }
}

/** Of a daemon that works, with a mesh. */
export function aStatus(
  changes: Partial<Static<typeof DaemonStatus>>,
): Static<typeof DaemonStatus> {
  return {
    version: '1.0.0',
    pid: 1,
    node_id: 'n_self',
    hostname: 'self',
    mesh_ip: '10.100.0.1',
    uptime: '1s',
    control_plane: {
      url: 'https://cp.example.com',
      stream: 'connected',
      last_event_id: '',
      last_heartbeat_at: null,
      last_reconcile_at: null,
      last_error: '',
      clock_skew_seconds: 0,
    },
    revision: '',
    mesh: { enabled: true, interface: 'plexd0', backend: 'fake', peers: 0 },
    counts: {
      metadata: 0,
      data: 0,
      secrets: 0,
      reports: 0,
      reports_unsynced: 0,
      pending_results: 0,
    },
    problems: [],
    ...changes,
  }
}
