import { randomBytes } from 'node:crypto'
import type { Peer } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { Backend } from '../backend/backend.ts'
import type { WgPeer } from '../backend/wg-interface.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import {
  completion,
  dueHandovers,
  endedHandovers,
  type Handover,
  shutPeer,
  unshutHandovers,
} from './handover.ts'
import type { HeldPsks } from './held-psks.ts'

/** Advances handovers through their stages; the record stores the stage of each. */
export interface HandoverRunner {
  /**
   * Call this when these peers are being written, with the next record: remembers the PSKs of their new keys, except
   * those held for our own next key.
   */
  expect(wanted: readonly Peer[], record: DeviceRecord, held: HeldPsks | undefined): void
  /** Waiting new key -> its PSK. In memory only: after a restart they are supplied again. */
  psks(): HeldPsks
  /** Advances the handovers that are due; nobody else may write meanwhile. */
  advance(backend: Backend): Promise<void>
}

export function createHandoverRunner(options: {
  keepaliveSeconds(): number
  record(): DeviceRecord
  remember(record: DeviceRecord): Promise<void>
  /** Called before the interface changes. */
  onWrite(): void
  clock: Clock
  log: Log
}): HandoverRunner {
  const { record, remember, onWrite, clock, log } = options
  const psks: HeldPsks = new Map()

  async function shut(
    backend: Backend,
    handovers: readonly Handover[],
    peers: readonly WgPeer[],
  ): Promise<void> {
    onWrite()
    const endpointOf = endpointsOf(peers)
    const nobodysPsk = (): string => randomBytes(32).toString('base64')
    await backend.write({
      peers: handovers.flatMap((one) => shutPeer(one, nobodysPsk(), endpointOf(one))),
    })
    const now = record()
    await remember({
      ...now,
      handovers: now.handovers.map((one) =>
        handovers.includes(one) ? { ...one, shut: true } : one,
      ),
    })
  }

  async function move(
    backend: Backend,
    due: readonly Handover[],
    peers: readonly WgPeer[],
  ): Promise<void> {
    onWrite()
    const keepaliveSeconds = options.keepaliveSeconds()
    const endpointOf = endpointsOf(peers)
    const changes = due.map((one) =>
      completion(one, {
        psk: psks.get(one.to),
        endpoint: endpointOf(one),
        keepaliveSeconds,
      }),
    )
    await backend.write({ peers: changes.flatMap(([move]) => move) })
    const moved_ms = clock.boot()
    const now = record()
    await remember({
      ...now,
      handovers: now.handovers.map((one) => (due.includes(one) ? { ...one, moved_ms } : one)),
    })
    for (const { peer_id } of due) log.info('peer uses its new key', { peer_id })
  }

  async function end(backend: Backend, ended: readonly Handover[]): Promise<void> {
    onWrite()
    const keepaliveSeconds = options.keepaliveSeconds()
    const changes = ended.map((one) => completion(one, { keepaliveSeconds }))
    await backend.write({ peers: changes.flatMap(([, end]) => end) })
    await remember(withoutHandovers(record(), ended))
    for (const { to } of ended) psks.delete(to)
  }

  return {
    expect(wanted, { handovers }, held) {
      const waiting = new Set(handovers.map(({ to }) => to))
      for (const key of psks.keys()) if (!waiting.has(key)) psks.delete(key)
      for (const { public_key, psk } of wanted) {
        const isForLater = held?.has(public_key) && psks.has(public_key)
        if (waiting.has(public_key) && !isForLater) psks.set(public_key, psk)
      }
    },
    psks: () => psks,
    async advance(backend) {
      const { handovers } = record()
      if (handovers.length === 0) return
      const { peers } = await backend.read()
      const bootMs = clock.boot()
      const due = dueHandovers(handovers, peers, { bootMs, seconds: clock.now() / 1_000 })
      if (due.length > 0) return move(backend, due, peers)
      const unshut = unshutHandovers(handovers, bootMs).filter(({ to }) => psks.has(to))
      if (unshut.length > 0) return shut(backend, unshut, peers)
      const ended = endedHandovers(handovers, bootMs)
      if (ended.length > 0) await end(backend, ended)
    },
  }
}

function withoutHandovers(record: DeviceRecord, ended: readonly Handover[]): DeviceRecord {
  const keys = new Set(ended.map(({ from }) => from))
  return {
    ...record,
    handovers: record.handovers.filter((one) => !ended.includes(one)),
    peers: Object.fromEntries(Object.entries(record.peers).filter(([key]) => !keys.has(key))),
  }
}

/** The peer's last source address. */
function endpointsOf(peers: readonly WgPeer[]): (handover: Handover) => string {
  const endpoints = new Map(peers.map(({ public_key, endpoint }) => [public_key, endpoint]))
  return ({ from, to }) => endpoints.get(to) || endpoints.get(from) || ''
}
