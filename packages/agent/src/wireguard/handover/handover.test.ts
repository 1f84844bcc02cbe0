import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wgPeer as has } from '../../testing/peer.ts'
import type { WgPeer } from '../backend/wg-interface.ts'
import {
  completion,
  dueHandovers,
  endedHandovers,
  type Handover,
  newKeyNoticeMs,
  pauseAt,
  shutPeer,
  unshutHandovers,
  waitingPeer,
} from './handover.ts'

const startedMs = 1_736_937_000_000
const handover: Handover = {
  peer_id: 'n_db',
  from: 'old',
  to: 'new',
  allowed_ips: ['10.100.1.2/32'],
  started_ms: startedMs,
}

const alive = has('old', { handshake_at: startedMs / 1_000 - 30 })

describe('pauseAt', () => {
  it('is shortest around the moment in which a peer should begin with its new key', () => {
    const ages = [0, newKeyNoticeMs - 100, newKeyNoticeMs + 1_000, 9_000, 60_000]
    assert.deepEqual(ages.map(pauseAt), [20, 2, 2, 20, 500])
  })
})

describe('waitingPeer', () => {
  it('is reachable where the peer is now, and has no allowed IPs yet', () => {
    const peer = { public_key: 'new', psk: 'secret', endpoint: '203.0.113.7:51820' }

    assert.deepEqual(waitingPeer(peer, '198.51.100.9:4711'), {
      public_key: 'new',
      type: 'add',
      psk: 'secret',
      allowed_ips: [],
      keepalive_seconds: 25,
      endpoint: '198.51.100.9:4711',
    })
    assert.equal(waitingPeer(peer, '').endpoint, '203.0.113.7:51820')
    assert.equal('endpoint' in waitingPeer({ ...peer, endpoint: '' }, ''), false)
  })
})

describe('completion', () => {
  const end = [
    { public_key: 'old', type: 'remove' },
    { public_key: 'new', type: 'update', keepalive_seconds: 0 },
  ]

  it('moves the allowed IPs before it ends the old key', () => {
    assert.deepEqual(completion(handover, { psk: 'secret', keepaliveSeconds: 0 }), [
      [{ public_key: 'new', type: 'update', allowed_ips: ['10.100.1.2/32'] }],
      end,
    ])
  })

  it('opens a key that is shut, and speaks at once to where the peer is', () => {
    const shut = { ...handover, shut: true }
    const given = { psk: 'secret', endpoint: '198.51.100.9:4711', keepaliveSeconds: 0 }

    assert.deepEqual(completion(shut, given), [
      [
        { public_key: 'new', type: 'remove' },
        {
          public_key: 'new',
          type: 'add',
          psk: 'secret',
          allowed_ips: ['10.100.1.2/32'],
          keepalive_seconds: 25,
          endpoint: '198.51.100.9:4711',
        },
      ],
      end,
    ])
  })

  it('leaves the PSK as it is where nobody knows it', () => {
    assert.deepEqual(
      completion({ ...handover, shut: true }, { keepaliveSeconds: 0 }),
      completion(handover, { keepaliveSeconds: 0 }),
    )
  })
})

describe('a shut key', () => {
  it('is one that waits for half a second, in which a peer that was faster than the news is found', () => {
    const at = (ageMs: number) => unshutHandovers([handover], startedMs + ageMs)

    assert.deepEqual(at(500), [])
    assert.deepEqual(at(501), [handover])
    assert.deepEqual(unshutHandovers([{ ...handover, shut: true }], startedMs + 501), [])
  })

  it('knows no allowed IP, and a PSK that nobody has', () => {
    const [gone, added] = shutPeer(handover, 'random', '198.51.100.9:4711')

    assert.deepEqual(gone, { public_key: 'new', type: 'remove' })
    assert.deepEqual(added, {
      public_key: 'new',
      type: 'add',
      psk: 'random',
      allowed_ips: [],
      endpoint: '198.51.100.9:4711',
    })
  })
})

describe('endedHandovers', () => {
  it('are those whose allowed IPs moved a moment ago', () => {
    const moved = { ...handover, moved_ms: startedMs }

    assert.deepEqual(endedHandovers([moved, handover], startedMs + 199), [])
    assert.deepEqual(endedHandovers([moved, handover], startedMs + 200), [moved])
  })
})

/** So long after it started; both clocks say the same here. */
function at(ageMs: number) {
  return { bootMs: startedMs + ageMs, seconds: (startedMs + ageMs) / 1_000 }
}

describe('dueHandovers', () => {
  const due = (peers: WgPeer[], ageMs: number): boolean =>
    dueHandovers([handover], peers, at(ageMs)).length === 1

  it('waits while the peer uses its old key', () => {
    assert.equal(due([alive, has('new')], 2_000), false)
    assert.equal(due([alive, has('new')], 60_000), false)
  })

  it('is due when its time is from before the machine started', () => {
    assert.deepEqual(
      dueHandovers([handover], [alive], { ...at(0), bootMs: startedMs - 3_600_000 }),
      [handover],
    )
  })

  it('is due once', () => {
    const moved = { ...handover, moved_ms: startedMs + 2_000 }
    const peers = [alive, has('new', { rx_bytes: 148 })]

    assert.deepEqual(dueHandovers([moved], peers, at(2_001)), [])
    assert.deepEqual(unshutHandovers([moved], startedMs + 2_001), [])
  })

  it('is due with the first message under the new key', () => {
    assert.equal(due([alive, has('new', { rx_bytes: 148 })], 2_000), true)
    assert.equal(due([alive, has('new', { handshake_at: startedMs / 1_000 })], 2_000), true)
  })

  it('is due when the old key has been silent for the length of a session', () => {
    const silent = has('old', { handshake_at: startedMs / 1_000 - 400 })

    assert.equal(due([silent, has('new')], 2_000), false)
    assert.equal(due([silent, has('new')], 11_000), true)
  })

  it('is due when the old key is gone, or was honoured for ten minutes', () => {
    const stillAlive = has('old', { handshake_at: startedMs / 1_000 + 590 })

    assert.equal(due([has('new')], 1), true)
    assert.equal(due([stillAlive, has('new')], 601_000), true)
  })
})
