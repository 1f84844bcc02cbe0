import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PeerStatus } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createRoundTrips } from './round-trips.ts'
import { peerLatency, tunnelHealth } from './tunnel-health.ts'

describe('round trips over the mesh', () => {
  it('are measured by one socket, to peers whose tunnel is up and would not be renewed for it', async () => {
    const mesh = fakeMesh()
    await using trips = createRoundTrips(mesh)
    const peers = [
      mesh.peer('near', { ageSeconds: 10 }),
      mesh.peer('old', { ageSeconds: 130 }),
      mesh.peer('idle', { ageSeconds: 10, state: 'idle' }),
      mesh.peer('never', {}),
    ]
    await trips.round(peers)
    await mesh.clock.advance(20)
    mesh.answer('near')
    await trips.round(peers)
    assert.deepEqual(mesh.asked(), ['near', 'near'])
    assert.equal(mesh.opened(), 1)
    assert.deepEqual(trips.of('near'), { rttMs: 20, lossPercent: 0 })
    assert.equal(trips.of('old'), undefined)

    const now = mesh.clock.now()
    assert.deepEqual(
      tunnelHealth(peers, trips.of, now).map(({ peer_id, data }) => [
        peer_id,
        data.handshake_age_seconds,
        data.packet_loss_percent,
      ]),
      [
        ['near', 10, 0],
        ['old', 130, undefined],
        ['idle', 10, undefined],
      ],
    )
    assert.deepEqual(peerLatency(peers, trips.of), [{ peer_id: 'near', data: { rtt_ms: 20 } }])
  })

  it('count what is not answered, or too late, or by another', async () => {
    const mesh = fakeMesh()
    await using trips = createRoundTrips(mesh)
    const peers = [mesh.peer('near', { ageSeconds: 1 }), mesh.peer('far', { ageSeconds: 1 })]
    for (let round = 0; round < 4; round++) {
      await trips.round(peers)
      if (round === 0) mesh.answer('near')
      if (round === 1) await mesh.clock.advance(6_000)
      if (round === 1) mesh.answer('near')
      if (round === 2) mesh.answer('near', 'far')
    }
    assert.deepEqual(trips.of('near'), { rttMs: undefined, lossPercent: 66.7 })
    assert.deepEqual(trips.of('far'), { rttMs: undefined, lossPercent: 100 })
    await trips.round([])
    assert.equal(trips.of('far'), undefined)
  })

  it('are nothing where no socket can be opened', async () => {
    const mesh = fakeMesh()
    await using trips = createRoundTrips({
      ...mesh,
      open: async () => {
        throw new Error('it takes root')
      },
    })
    await trips.round([mesh.peer('near', { ageSeconds: 1 })])
    assert.equal(trips.of('near'), undefined)
  })
})

/** A socket whose peers answer when they are told to. */
function fakeMesh() {
  const clock = createFakeClock()
  const asked: { address: string; message: Buffer }[] = []
  const addresses: string[] = []
  let count = 0
  let onPacket: (packet: Buffer | 'overrun') => void = () => {}
  const addressOf = (id: string): string => {
    if (!addresses.includes(id)) addresses.push(id)
    return `10.0.0.${addresses.indexOf(id) + 1}`
  }
  return {
    clock,
    log: silentLog,
    open: async () => {
      count++
      return {
        send(message: Uint8Array, address: string) {
          asked.push({ address, message: Buffer.from(message) })
          return true
        },
        follow(listener: typeof onPacket) {
          onPacket = listener
        },
        read: () => [],
        close() {},
      }
    },
    opened: () => count,
    asked: () => asked.map(({ address }) => addresses[Number(address.split('.')[3]) - 1]),
    /** The last request to the peer is answered, by itself or another. */
    answer(id: string, from = id) {
      const request = asked.findLast(({ address }) => address === addressOf(id))
      if (!request) return
      const packet = Buffer.concat([Buffer.alloc(20), request.message])
      packet[0] = 0x45
      packet.set(addressOf(from).split('.').map(Number), 12)
      packet[20] = 0
      onPacket(packet)
    },
    peer: (
      id: string,
      { ageSeconds, state = 'connected' }: { ageSeconds?: number; state?: PeerStatus['state'] },
    ): PeerStatus => ({
      id,
      hostname: id,
      mesh_ip: addressOf(id),
      public_key: '',
      state,
      reason: '',
      endpoint: '',
      allowed_ips: [],
      last_handshake_at:
        ageSeconds === undefined ? null : new Date(clock.now() - ageSeconds * 1_000).toISOString(),
      rx_bytes: 1,
      tx_bytes: 2,
      keepalive_seconds: 0,
    }),
  }
}
