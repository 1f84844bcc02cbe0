import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import { aPeer, wgPeer } from '../../testing/peer.ts'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { emptyRecord } from '../device/device-record.ts'
import { additionOf, updatesOf } from './peer-update.ts'

const nowSeconds = 1_736_937_000
const db = aPeer('n_db')
const { public_key, psk, endpoint, allowed_ips } = db
const inSession = { handshake_at: nowSeconds - 120 }

/** As the interface has it; with what the control plane had said of it when it was written. */
function has(changes: Partial<WgPeer> = {}): WgPeer {
  return wgPeer(public_key, { psk, endpoint, allowed_ips, ...changes })
}

function updates(
  wanted: Partial<Peer>,
  now: WgPeer,
  { known = true, isWaiting = false, keepaliveSeconds = 0, withheld = '' } = {},
): PeerChange[] {
  const peers = known ? { [public_key]: { id: db.id, endpoint } } : {}
  return updatesOf({ ...db, ...wanted }, now, isWaiting, {
    record: { ...emptyRecord, peers },
    opening: new Map(),
    withheld: new Map(withheld === '' ? [] : [[public_key, withheld]]),
    keepaliveSeconds,
    nowMs: nowSeconds * 1_000,
  })
}

describe('additionOf', () => {
  it('adds a peer nobody knows the endpoint of, with keepalive where it is wanted', () => {
    assert.deepEqual(additionOf({ ...db, endpoint: '' }, 25), {
      public_key,
      type: 'add',
      psk,
      allowed_ips,
      keepalive_seconds: 25,
    })
  })
})

describe('updatesOf', () => {
  it('does nothing if everything is as wanted', () => {
    assert.deepEqual(updates({}, has()), [])
  })

  it('changes only what differs', () => {
    assert.deepEqual(updates({ psk: '', allowed_ips: ['10.100.1.3/32'] }, has()), [
      { public_key, type: 'update', psk: '', allowed_ips: ['10.100.1.3/32'] },
    ])
  })

  it('does not mind the order of allowed IPs', () => {
    const both = ['10.7.0.0/24', '10.100.1.2/32']
    assert.deepEqual(updates({ allowed_ips: both }, has({ allowed_ips: both.toReversed() })), [])
  })

  it('leaves the allowed IPs of a key that waits to its handover', () => {
    assert.deepEqual(updates({}, has({ allowed_ips: [] }), { isWaiting: true }), [])
  })
})

describe('updatesOf, the endpoint', () => {
  it('is not missed while it is withheld, unless it has become another', () => {
    const without = has({ endpoint: '' })
    assert.deepEqual(updates({}, without, { withheld: endpoint }), [])
    assert.notDeepEqual(updates({}, without, { withheld: '192.0.2.1:51820' }), [])
  })

  const roamed = has({ endpoint: '198.51.100.9:4711', ...inSession })

  it('leaves a peer where it has roamed to', () => {
    assert.deepEqual(updates({}, roamed), [])
  })

  it('is written when the control plane has a new one', () => {
    assert.deepEqual(updates({ endpoint: '192.0.2.1:51820' }, roamed), [
      { public_key, type: 'update', endpoint: '192.0.2.1:51820' },
    ])
  })

  it('is written where there is none at all', () => {
    assert.deepEqual(updates({}, has({ endpoint: '', ...inSession })), [
      { public_key, type: 'update', endpoint },
    ])
  })

  it('stays when the control plane knows none', () => {
    assert.deepEqual(updates({ endpoint: '' }, roamed), [])
  })

  it('does not touch a peer with a live session if the record is lost', () => {
    const dead = { ...roamed, handshake_at: nowSeconds - 600 }

    assert.deepEqual(updates({}, roamed, { known: false }), [])
    assert.deepEqual(
      updates({}, dead, { known: false }).map(({ type }) => type),
      ['remove', 'add', 'update'],
    )
  })

  it('sends to a peer at once when it is added again, and then stops keepalive', () => {
    const [, added, settled] = updates({}, has({ endpoint: '' }))
    assert.equal(added?.keepalive_seconds, 25)
    assert.deepEqual(settled, { public_key, type: 'update', keepalive_seconds: 0 })
  })

  it('adds a peer again if it did not answer, because WireGuard would wait', () => {
    const tried = has({ endpoint: '', keepalive_seconds: 25 })

    assert.deepEqual(updates({}, tried, { keepaliveSeconds: 25 }), [
      { public_key, type: 'remove' },
      { public_key, type: 'add', psk, allowed_ips, endpoint, keepalive_seconds: 25 },
    ])
  })
})
