import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import type { WgPeer } from '../backend/wg-interface.ts'
import type { DeviceStep } from '../device/device.ts'
import { type DeviceRecord, emptyRecord } from '../device/device-record.ts'
import { changesFor } from './peer-changes.ts'

const nowMs = 1_736_937_000_000
const bootMs = 7_200_000

function aPeer(public_key: string, changes: Partial<Peer> = {}): Peer {
  return {
    id: 'n_db',
    public_key,
    mesh_ip: '10.100.1.2',
    endpoint: '203.0.113.7:51820',
    allowed_ips: ['10.100.1.2/32'],
    psk: 'secret',
    ...changes,
  }
}

function has(public_key: string, changes: Partial<WgPeer> = {}): WgPeer {
  const { psk, endpoint, allowed_ips } = aPeer(public_key)
  const seen = { keepalive_seconds: 0, handshake_at: nowMs / 1_000 - 30, rx_bytes: 1, tx_bytes: 1 }
  return { public_key, psk, endpoint, allowed_ips, ...seen, ...changes }
}

const recorded: DeviceRecord = {
  ...emptyRecord,
  peers: { old: { id: 'n_db', endpoint: '203.0.113.7:51820' } },
}

function changes(steps: DeviceStep[], actual: WgPeer[], record = recorded) {
  const byKey = new Map(actual.map((peer) => [peer.public_key, peer]))
  return changesFor(steps, { actual: byKey, record, keepaliveSeconds: 0, nowMs, bootMs })
}

const added = (peer: Peer): DeviceStep => ({ type: 'peer_added', peer })
const updated = (peer: Peer): DeviceStep => ({ type: 'peer_updated', peer })
const removed = (public_key: string, peer_id = 'n_db'): DeviceStep => ({
  type: 'peer_removed',
  peer_id,
  public_key,
})

describe('changesFor', () => {
  it('adds a peer, and records what the control plane said of it', () => {
    const { writes, record } = changes([added(aPeer('new'))], [], emptyRecord)

    assert.deepEqual(writes, [
      {
        public_key: 'new',
        type: 'add',
        psk: 'secret',
        allowed_ips: ['10.100.1.2/32'],
        endpoint: '203.0.113.7:51820',
      },
    ])
    assert.deepEqual(record.peers, { new: { id: 'n_db', endpoint: '203.0.113.7:51820' } })
  })

  it('removes a peer, and forgets it', () => {
    const { writes, record } = changes([removed('old')], [has('old')])

    assert.deepEqual(writes, [{ public_key: 'old', type: 'remove' }])
    assert.deepEqual(record, emptyRecord)
  })

  it('records a new endpoint also where nothing is written for it', () => {
    const { writes, record } = changes([updated(aPeer('old', { endpoint: '' }))], [has('old')])

    assert.deepEqual(writes, [])
    assert.deepEqual(record.peers, { old: { id: 'n_db', endpoint: '' } })
  })
})

describe('changesFor a peer behind a symmetric NAT', () => {
  const moved = aPeer('old', { endpoint: '203.0.113.7:4712', nat_type: 'symmetric' })

  it('leaves it where its packets come from while it has a session', () => {
    const { writes } = changes([updated(moved)], [has('old', { endpoint: '203.0.113.7:999' })])
    assert.deepEqual(writes, [])
  })

  it('tries the new endpoint when it has none', () => {
    const { writes } = changes([updated(moved)], [has('old', { handshake_at: 0 })])
    assert.equal(writes.find(({ type }) => type === 'add')?.endpoint, '203.0.113.7:4712')
  })
})

describe('changesFor a peer with a new key', () => {
  const rotation = [removed('old'), added(aPeer('new'))]
  const { writes, record } = changes(rotation, [has('old', { endpoint: '198.51.100.9:4711' })])

  it('lets the old key carry on while the new one waits', () => {
    assert.deepEqual(writes, [
      {
        public_key: 'new',
        type: 'add',
        psk: 'secret',
        allowed_ips: [],
        keepalive_seconds: 25,
        endpoint: '198.51.100.9:4711',
      },
    ])
    assert.deepEqual(record.handovers, [
      {
        peer_id: 'n_db',
        from: 'old',
        to: 'new',
        allowed_ips: ['10.100.1.2/32'],
        started_ms: bootMs,
      },
    ])
    assert.deepEqual(Object.keys(record.peers), ['old', 'new'])
  })

  const waiting = [has('old'), has('new', { allowed_ips: [], keepalive_seconds: 25 })]

  it('keeps for later what the peer is to have', () => {
    const peer = aPeer('new', { allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'] })

    const next = changes([updated(peer)], waiting, record)

    assert.deepEqual(next.writes, [])
    assert.deepEqual(next.record.handovers[0]?.allowed_ips, ['10.100.1.2/32', '10.7.0.0/24'])
  })

  it('opens a key that was shut when it has to be written anew', () => {
    const shut = { ...record, handovers: record.handovers.map((one) => ({ ...one, shut: true })) }
    const actual = [has('old'), has('new', { psk: 'random', allowed_ips: [] })]

    const next = changes([updated(aPeer('new', { psk: 'fresh' }))], actual, shut)

    assert.deepEqual(next.writes, [{ public_key: 'new', type: 'update', psk: 'fresh' }])
    assert.deepEqual(next.record.handovers, record.handovers)
  })

  it('writes to a new key at once what has changed after the move', () => {
    const moved = {
      ...record,
      handovers: record.handovers.map((one) => ({ ...one, moved_ms: bootMs })),
    }
    const peer = aPeer('new', { allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'] })

    const next = changes([updated(peer)], [has('old', { allowed_ips: [] }), has('new')], moved)

    assert.deepEqual(next.writes, [
      { public_key: 'new', type: 'update', allowed_ips: peer.allowed_ips },
    ])
  })

  it('hands over from the new key when that is replaced right after the move', () => {
    const moved = {
      ...record,
      handovers: record.handovers.map((one) => ({ ...one, moved_ms: bootMs })),
    }

    const next = changes([removed('new'), added(aPeer('newer'))], [has('old'), has('new')], moved)

    assert.deepEqual(
      next.record.handovers.map(({ from, to }) => [from, to]),
      [['new', 'newer']],
    )
  })

  it('removes both keys when the peer goes meanwhile', () => {
    const next = changes([removed('new')], waiting, record)

    assert.deepEqual(next.writes, [
      { public_key: 'new', type: 'remove' },
      { public_key: 'old', type: 'remove' },
    ])
    assert.deepEqual(next.record, emptyRecord)
  })

  it('hands over from the oldest to the newest of three keys', () => {
    const next = changes([removed('new'), added(aPeer('newest'))], waiting, record)

    assert.deepEqual(
      next.writes.map(({ public_key, type }) => [public_key, type]),
      [
        ['new', 'remove'],
        ['newest', 'add'],
      ],
    )
    assert.deepEqual(
      next.record.handovers.map(({ from, to }) => [from, to]),
      [['old', 'newest']],
    )
  })

  it('does not hand over to another node with the same address', () => {
    const other = aPeer('new', { id: 'n_web' })

    const next = changes([removed('old'), added(other)], [has('old')])

    assert.deepEqual(
      next.writes.map(({ public_key, type }) => [public_key, type]),
      [
        ['old', 'remove'],
        ['new', 'add'],
      ],
    )
    assert.deepEqual(next.record.handovers, [])
  })
})
