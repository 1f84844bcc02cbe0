import type { DeviceStep, ObservedPeer, WireguardDevice } from './device.ts'

export interface FakeDevice extends WireguardDevice {
  /** Ids of the peers, sorted. */
  peerIds(): string[]
  privateKey(): string
  /** What somebody with `wg set` would do behind the daemon's back. */
  tamper(change: (peers: Map<string, ObservedPeer>) => void): void
  /** Makes `apply` reject until it is called with undefined. */
  breakWith(error: Error | undefined): void
}

/** An interface in memory, for tests. */
export function createFakeDevice(): FakeDevice {
  const peers = new Map<string, ObservedPeer>()
  const watchers = new Set<() => Promise<unknown>>()
  let failure: Error | undefined
  let key = ''

  function take(step: DeviceStep): void {
    if (step.type === 'peer_removed') {
      peers.delete(step.public_key)
    } else if (step.type !== 'interface_repaired') {
      const { id, public_key, endpoint, allowed_ips, psk } = step.peer
      peers.set(public_key, { id, public_key, endpoint, allowed_ips, psk })
    }
  }

  return {
    interfaceName: 'plexd0',
    backend: 'fake',
    disabledBecause: undefined,
    observe: async () => ({ peers: [...peers.values()], listen_port: 51_820, faults: [] }),
    reclaim: async () => [],
    async apply(steps) {
      if (failure) throw failure
      for (const step of steps) take(step)
    },
    async setPrivateKey(privateKey) {
      key = privateKey
    },
    holdPsks() {},
    watch(look) {
      watchers.add(look)
      return {
        async [Symbol.asyncDispose]() {
          watchers.delete(look)
        },
      }
    },
    peers: async () =>
      [...peers.values()].map(({ public_key, psk, endpoint, allowed_ips }) => ({
        public_key,
        psk,
        endpoint,
        allowed_ips,
        keepalive_seconds: 0,
        handshake_at: 0,
        rx_bytes: 0,
        tx_bytes: 0,
      })),
    async remove() {
      peers.clear()
      return true
    },
    peerIds: () => [...peers.values()].map(({ id }) => id).sort(),
    privateKey: () => key,
    tamper(change) {
      change(peers)
      for (const look of watchers) look().catch(() => {}) // as whoever watches, it looks again
    },
    breakWith: (error) => {
      failure = error
    },
  }
}
