import { ApiError } from '@plexd/protocol'
import { knownSecrets } from '../../identity/known-secrets.ts'
import { describePolicies, refuseNetwork, whyNoMesh } from '../../mesh/mesh-status.ts'
import { SessionRefusal } from '../../sessions/authorisation/refusal.ts'
import { describePeers } from '../../wireguard/peers/peer-status.ts'
import { describeStatus, type StatusSources } from './status.ts'
import type { View } from './view.ts'

type Told = Omit<StatusSources, 'mesh'> & { env: NodeJS.ProcessEnv }

/** The view of the first stage: what is stored, with nothing of it in force. */
export function storedView(told: Told, hasMesh: boolean): View {
  const { config, desired, clock } = told
  const disabledBecause = hasMesh ? undefined : whyNoMesh(config)
  const interfaceName = config.meshInterface
  return {
    status: () =>
      describeStatus({
        ...told,
        mesh: { interfaceName, backend: 'none', disabledBecause, ranges: [] },
      }),
    peers: async () =>
      describePeers(desired.current().peers, [], {
        nowSeconds: clock.now() / 1_000,
        natType: 'unknown',
      }),
    policies: async () =>
      describePolicies(told, {
        isFiltered: hasMesh && config.policyEnabled,
        disabledBecause,
        self: [],
        meshIpOf: () => undefined,
        counters: new Map(),
      }),
    network: async () => refuseNetwork({ disabledBecause, isLookedFor: config.natEnabled }),
    async fetchSecret() {
      throw new ApiError('unavailable', 'the node is not registered yet')
    },
    nsk: () => '',
    async runAction() {
      throw new ApiError('unavailable', 'the node is not registered yet')
    },
    async metricsText() {
      throw new ApiError('unavailable', 'metrics are measured once the node is registered')
    },
    async takeMetrics() {
      throw new ApiError('unavailable', 'metrics are taken once the node is registered')
    },
    async openPing() {
      throw new Error(`no interface "${interfaceName}" is up`)
    },
    async reconnect() {
      throw new Error('the node is not registered yet')
    },
    async reload() {
      throw new Error('the daemon is still starting')
    },
    restart() {
      throw new Error('the daemon is still starting')
    },
    sessions: () => ({
      items: [],
      max_sessions: config.maxSessions,
      reason: 'the daemon is still starting',
    }),
    async admitSession() {
      throw new SessionRefusal('no session is open: the daemon is still starting')
    },
    secrets: () => knownSecrets({ config, peers: desired.current().peers, env: told.env }),
    async upgrade() {
      throw new Error('the node is not registered yet')
    },
  }
}
