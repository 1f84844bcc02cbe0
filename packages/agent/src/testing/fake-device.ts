import type { Peer } from '@plexd/protocol'
import { newPeer, type WgPeer } from '../wireguard/backend/wg-interface.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { type DeviceRecord, emptyRecord } from '../wireguard/device/device-record.ts'
import { diffPeers } from '../wireguard/peers/peer-diff.ts'

export interface FakeDevice extends WireguardDevice {
  /** Ids of the peers, sorted. */
  peerIds(): string[]
  privateKey(): string
  /** What somebody with `wg set` would do behind the daemon's back. */
  tamper(change: (peers: Map<string, WgPeer>) => void): void
  /** Makes `apply` reject where something differs, until it is called with undefined. */
  breakWith(error: Error | undefined): void
}

/** An interface in memory, for tests. A peer that changes its key has the new one at once. */
export function createFakeDevice(): FakeDevice {
  let peers = new Map<string, WgPeer>()
  let record: DeviceRecord = emptyRecord
  const watchers = new Set<() => Promise<unknown>>()
  let failure: Error | undefined
  let key = ''

  return {
    interfaceName: 'plexd0',
    backend: 'fake',
    disabledBecause: undefined,
    reclaim: async () => [],
    async apply(wanted) {
      const diff = diffPeers(wanted, { actual: [...peers.values()], record, ...nobodySpeaks })
      if (failure && diff.steps.length > 0) throw failure
      peers = new Map(
        wanted.map((peer) => {
          const handshake_at = peers.get(peer.public_key)?.handshake_at ?? 0
          return [peer.public_key, { ...asWritten(peer), handshake_at }]
        }),
      )
      record = { ...diff.record, handovers: [] }
      return diff.steps
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
    async reconnect() {
      const handshake_at = Math.floor(Date.now() / 1_000)
      for (const [key, peer] of peers)
        if (peer.endpoint !== '') peers.set(key, { ...peer, handshake_at })
    },
    peers: async () => [...peers.values()],
    async remove() {
      peers.clear()
      return true
    },
    peerIds: () => [...peers.keys()].map((key) => record.peers[key]?.id ?? '').sort(),
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

const nobodySpeaks = {
  opening: new Map<string, string>(),
  withheld: new Map<string, string>(),
  keepaliveSeconds: 0,
  nowMs: Number.MAX_SAFE_INTEGER,
  bootMs: 0,
}

function asWritten({ public_key, psk, endpoint, allowed_ips }: Peer): WgPeer {
  return { ...newPeer(public_key), psk, endpoint, allowed_ips }
}
