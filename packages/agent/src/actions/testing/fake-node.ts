import type { Peer } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { aStatus } from '../../testing/status.ts'
import { describePeers } from '../../wireguard/peers/peer-status.ts'
import type { NodeFacts } from '../builtin/node-facts.ts'
import type { ActionContext } from '../define.ts'

/** A node in memory, for actions: with these peers, and a mesh that nothing answers. */
export function fakeNode(peers: readonly Peer[] = [], changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    config: { ...defaultConfig, apiUrl: 'https://cp.example.com', dataDir: '/tmp' },
    clock: createFakeClock(),
    status: () => aStatus(),
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
    reload: async () => ({ changed: [], needs_restart: [], unknown: [], ignored: [] }),
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
