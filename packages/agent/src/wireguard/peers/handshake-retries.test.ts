import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wgPeer } from '../../testing/peer.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { type HandshakeRetries, handshakeRetries } from './handshake-retries.ts'

const added = wgPeer('db', {
  psk: 'secret',
  endpoint: '203.0.113.7:51820',
  allowed_ips: ['10.100.1.2/32'],
})
const silent = { ...added, tx_bytes: 148 }
const shaken = { ...silent, handshake_at: 1_736_937_000 }
const { endpoint, psk, allowed_ips } = added

function retries(
  peer: WgPeer,
  { isAwaited = false, isFirst = false, keepaliveSeconds = 0 } = {},
): HandshakeRetries {
  const publicKeys = new Set(['db'])
  const awaited = new Map(isAwaited ? [['db', endpoint]] : [])
  const first = isFirst || isAwaited ? publicKeys : new Set<string>()
  return handshakeRetries({ publicKeys, awaited, first }, [peer], keepaliveSeconds)
}

const addedAnew: PeerChange[] = [
  { public_key: 'db', type: 'remove' },
  { public_key: 'db', type: 'add', psk, endpoint, allowed_ips, keepalive_seconds: 25 },
]
const nothing: HandshakeRetries = { changes: [], unanswered: new Set() }

describe('handshakeRetries', () => {
  it('adds a silent peer again, sends to it, and leaves keepalive as it was', () => {
    assert.deepEqual(retries(silent), {
      changes: [...addedAnew, { public_key: 'db', type: 'update', keepalive_seconds: 0 }],
      unanswered: new Set(['db']),
    })
  })

  const others: [string, Partial<WgPeer>][] = [
    ['answered', shaken],
    ['was never spoken to', { tx_bytes: 0 }],
    ['has no endpoint', { endpoint: '' }],
    ['is not new', { public_key: 'web' }],
  ]
  for (const [what, peer] of others)
    it(`leaves alone a peer that ${what}`, () => {
      assert.deepEqual(retries({ ...silent, ...peer }), nothing)
    })
})

describe('handshakeRetries, with a peer that has begun a handshake', () => {
  it('gives it the time to finish, once', () => {
    const begun = { ...silent, rx_bytes: 148 }
    assert.deepEqual(retries(begun, { isFirst: true }), {
      changes: [],
      unanswered: new Set(['db']),
    })
    assert.deepEqual(retries(begun).changes.slice(0, 2), addedAnew)
  })
})

describe('handshakeRetries, with a peer that was to start', () => {
  const isAwaited = true

  it('starts in its place with the endpoint that was withheld, and the keepalive that is wanted', () => {
    assert.deepEqual(retries({ ...added, endpoint: '' }, { isAwaited, keepaliveSeconds: 25 }), {
      changes: addedAnew,
      unanswered: new Set(['db']),
    })
    assert.deepEqual(retries(added, { isAwaited, keepaliveSeconds: 25 }), {
      changes: addedAnew,
      unanswered: new Set(['db']),
    })
    assert.deepEqual(retries(added, { isAwaited }).changes.slice(0, 2), addedAnew)
  })

  it('lets it finish once it has started', () => {
    const started = { ...added, rx_bytes: 148, tx_bytes: 92 }
    assert.deepEqual(retries(started, { isAwaited }), {
      changes: [],
      unanswered: new Set(['db']),
    })
  })

  it('switches on the keepalive of one that has done so', () => {
    const done = { ...shaken, rx_bytes: 180 }
    assert.deepEqual(retries(done, { isAwaited, keepaliveSeconds: 25 }), {
      changes: [{ public_key: 'db', type: 'update', keepalive_seconds: 25 }],
      unanswered: new Set(),
    })
    assert.deepEqual(retries(done, { isAwaited }), nothing)
  })
})
