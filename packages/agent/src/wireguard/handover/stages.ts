import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import {
  completion,
  dueHandovers,
  endedHandovers,
  type Handover,
  shutPeer,
  unshutHandovers,
} from './handover.ts'

/** A stage that these handovers reach by the writes of each. */
export interface Stage {
  type: 'moved' | 'shut' | 'ended'
  handovers: readonly Handover[]
  writesFor(handover: Handover): PeerChange[]
}

export interface StageInput {
  record: DeviceRecord
  peers: readonly WgPeer[]
  /** Waiting new key -> its PSK; a key without one is not blocked. */
  psks: ReadonlyMap<string, string>
  keepaliveSeconds: number
  /** Now, since boot. */
  bootMs: number
  /** Now, in the wall clock that WireGuard uses for handshakes. */
  seconds: number
  /** A PSK that no peer has. */
  randomPsk(): string
}

/** Undefined if nothing is due. Peers that use their new key come first, because each packet counts. Pure. */
export function nextStage(input: StageInput): Stage | undefined {
  const { record, peers, psks, keepaliveSeconds, bootMs } = input
  const { handovers } = record
  const endpointOf = endpointsOf(peers)
  const stages: Stage[] = [
    {
      type: 'moved',
      handovers: dueHandovers(handovers, peers, input),
      writesFor: (one) =>
        completion(one, { psk: psks.get(one.to), endpoint: endpointOf(one), keepaliveSeconds })[0],
    },
    {
      type: 'shut',
      handovers: unshutHandovers(handovers, bootMs).filter(({ to }) => psks.has(to)),
      writesFor: (one) => shutPeer(one, input.randomPsk(), endpointOf(one)),
    },
    {
      type: 'ended',
      handovers: endedHandovers(handovers, bootMs),
      writesFor: (one) => completion(one, { keepaliveSeconds })[1],
    },
  ]
  return stages.find((stage) => stage.handovers.length > 0)
}

/** The record after the writes of a stage, at this time since boot. Pure. */
export function recordAfterStage(
  record: DeviceRecord,
  { type, handovers: reached }: Stage,
  bootMs: number,
): DeviceRecord {
  if (type !== 'ended') {
    const stage = type === 'moved' ? { moved_ms: bootMs } : { shut: true }
    const handovers = record.handovers.map((one) =>
      reached.includes(one) ? { ...one, ...stage } : one,
    )
    return { ...record, handovers }
  }
  const keys = new Set(reached.map(({ from }) => from))
  return {
    ...record,
    handovers: record.handovers.filter((one) => !reached.includes(one)),
    peers: Object.fromEntries(Object.entries(record.peers).filter(([key]) => !keys.has(key))),
  }
}

/** The peer's last source address. */
function endpointsOf(peers: readonly WgPeer[]): (handover: Handover) => string {
  const endpoints = new Map(peers.map(({ public_key, endpoint }) => [public_key, endpoint]))
  return ({ from, to }) => endpoints.get(to) || endpoints.get(from) || ''
}
