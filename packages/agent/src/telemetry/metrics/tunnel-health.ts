import type { MetricData, PeerStatus } from '@plexd/protocol'
import type { Path } from './round-trips.ts'

/** A point of a group with one for each peer. */
export interface PeerPoint<Group extends 'tunnel_health' | 'peer_latency'> {
  peer_id: string
  data: MetricData<Group>
}

/** Of all peers that ever had a handshake: of the others there is nothing to measure. Pure. */
export function tunnelHealth(
  peers: readonly PeerStatus[],
  pathOf: (id: string) => Path | undefined,
  nowMs: number,
): PeerPoint<'tunnel_health'>[] {
  return peers.flatMap(({ id, last_handshake_at, rx_bytes, tx_bytes }) => {
    if (last_handshake_at === null) return []
    // A clock that was set back would make it negative.
    const age = Math.max(0, Math.round((nowMs - Date.parse(last_handshake_at)) / 1_000))
    const loss = pathOf(id)?.lossPercent
    return {
      peer_id: id,
      data: {
        handshake_age_seconds: age,
        rx_bytes,
        tx_bytes,
        ...(loss === undefined ? {} : { packet_loss_percent: loss }),
      },
    }
  })
}

/** Of the peers that answered the last probe. Pure. */
export function peerLatency(
  peers: readonly PeerStatus[],
  pathOf: (id: string) => Path | undefined,
): PeerPoint<'peer_latency'>[] {
  return peers.flatMap(({ id }) => {
    const rtt_ms = pathOf(id)?.rttMs
    return rtt_ms === undefined ? [] : { peer_id: id, data: { rtt_ms } }
  })
}
