import { ApiError } from '@plexd/protocol'
import { noHooks } from '../../hooks/no-hooks.ts'
import { SessionRefusal } from '../../sessions/authorisation/refusal.ts'
import { aStatus } from '../../testing/status.ts'
import type { LocalApiOptions } from '../server.ts'

const status = aStatus({
  pid: 4711,
  node_id: 'n_abc123',
  hostname: 'web-01',
  mesh_ip: '10.100.1.1',
  revision: '1-7',
  mesh: { enabled: false, interface: 'plexd0', backend: 'none', peers: 0 },
})

/** Of a node without a mesh, hooks, actions and sessions. */
export const plainAnswers = {
  status: () => status,
  stop() {},
  hooks: noHooks('there are none'),
  actions: { all: () => [], find: () => undefined },
  sessions: () => ({ items: [], max_sessions: 10, reason: '' }),
  async admitSession() {
    throw new SessionRefusal('no session is open')
  },
  async runAction() {
    throw new ApiError('unavailable', 'the daemon is still starting')
  },
  metricsText: async () => '',
  takeMetrics: async ({ points }) => points.length,
  peers: async () => [],
  policies: async () => ({
    filtering: false,
    reason: 'the mesh is switched off',
    default_action: 'deny',
    rules: [],
    default: { packets: 0, bytes: 0 },
    denied: { packets: 0, bytes: 0 },
  }),
  network: async () => {
    throw new ApiError('unavailable', 'no public endpoint: the mesh is switched off')
  },
} satisfies Partial<LocalApiOptions>
