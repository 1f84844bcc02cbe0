import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wgPeer } from '../../testing/peer.ts'
import type { WgPeer } from '../backend/wg-interface.ts'
import { diffPeers, type WantedPeer } from './wg-diff.ts'

const nowSeconds = 1_736_937_000

function wants(public_key: string, changes: Partial<WantedPeer> = {}): WantedPeer {
  return {
    public_key,
    psk: 'psk',
    endpoint: '203.0.113.7:51820',
    allowed_ips: ['10.100.1.2/32'],
    keepalive_seconds: 0,
    ...changes,
  }
}

function has(public_key: string, changes: Partial<WgPeer> = {}): WgPeer {
  return wgPeer(public_key, { ...wants(public_key), ...changes })
}

const nothingWritten = new Map<string, string>()
const written = new Map([['db', '203.0.113.7:51820']])
const inSession = { handshake_at: nowSeconds - 120 }

describe('diffPeers', () => {
  it('finds nothing to do where all is as wanted', () => {
    assert.deepEqual(diffPeers([wants('db')], [has('db')], written, nowSeconds), [])
  })

  it('removes before it updates, updates before it adds', () => {
    const wanted = [wants('cache'), wants('db', { psk: 'new' })]

    const changes = diffPeers(wanted, [has('db'), has('web')], nothingWritten, nowSeconds)

    assert.deepEqual(changes, [
      { public_key: 'web', type: 'remove' },
      { public_key: 'db', type: 'update', psk: 'new' },
      {
        public_key: 'cache',
        type: 'add',
        psk: 'psk',
        endpoint: '203.0.113.7:51820',
        allowed_ips: ['10.100.1.2/32'],
      },
    ])
  })

  it('adds a peer nobody knows the endpoint of, with keepalive where it is wanted', () => {
    const wanted = [wants('db', { endpoint: '', keepalive_seconds: 25 })]

    assert.deepEqual(diffPeers(wanted, [], nothingWritten, nowSeconds), [
      {
        public_key: 'db',
        type: 'add',
        psk: 'psk',
        allowed_ips: ['10.100.1.2/32'],
        keepalive_seconds: 25,
      },
    ])
  })

  it('changes only what differs', () => {
    const wanted = [wants('db', { psk: '', keepalive_seconds: 25, allowed_ips: ['10.100.1.3/32'] })]

    assert.deepEqual(diffPeers(wanted, [has('db')], written, nowSeconds), [
      {
        public_key: 'db',
        type: 'update',
        psk: '',
        allowed_ips: ['10.100.1.3/32'],
        keepalive_seconds: 25,
      },
    ])
  })

  it('does not mind the order of allowed IPs', () => {
    const wanted = [wants('db', { allowed_ips: ['10.7.0.0/24', '10.100.1.2/32'] })]
    const actual = [has('db', { allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'] })]

    assert.deepEqual(diffPeers(wanted, actual, written, nowSeconds), [])
  })

  it('takes an allowed IP from one peer before it gives it to another', () => {
    const wanted = [
      wants('db', { allowed_ips: [] }),
      wants('cache', { allowed_ips: ['10.100.1.2/32'] }),
    ]
    const actual = [has('db'), has('cache', { allowed_ips: ['10.100.1.3/32'] })]

    const changes = diffPeers(wanted, actual, nothingWritten, nowSeconds)

    assert.deepEqual(changes, [
      { public_key: 'db', type: 'update', allowed_ips: [] },
      { public_key: 'cache', type: 'update', allowed_ips: ['10.100.1.2/32'] },
    ])
  })
})

describe('diffPeers on endpoints', () => {
  const roamed = has('db', { endpoint: '198.51.100.9:4711', ...inSession })

  it('leaves a peer where it has roamed to', () => {
    assert.deepEqual(diffPeers([wants('db')], [roamed], written, nowSeconds), [])
  })

  it('writes the endpoint when the control plane has a new one', () => {
    const wanted = [wants('db', { endpoint: '192.0.2.1:51820' })]

    assert.deepEqual(diffPeers(wanted, [roamed], written, nowSeconds), [
      { public_key: 'db', type: 'update', endpoint: '192.0.2.1:51820' },
    ])
  })

  it('writes it where there is none at all', () => {
    const lost = has('db', { endpoint: '', ...inSession })

    assert.deepEqual(diffPeers([wants('db')], [lost], written, nowSeconds), [
      { public_key: 'db', type: 'update', endpoint: '203.0.113.7:51820' },
    ])
  })

  it('keeps the last one when the control plane knows none', () => {
    assert.deepEqual(diffPeers([wants('db', { endpoint: '' })], [roamed], written, nowSeconds), [])
  })

  it('spares a peer with a living session when the record is lost', () => {
    const dead = { ...roamed, handshake_at: nowSeconds - 600 }

    assert.deepEqual(diffPeers([wants('db')], [roamed], nothingWritten, nowSeconds), [])
    assert.deepEqual(
      diffPeers([wants('db')], [dead], nothingWritten, nowSeconds).map(({ type }) => type),
      ['remove', 'add', 'update'],
    )
  })

  it('speaks at once to a peer that it adds anew, and then keeps silent', () => {
    const tried = has('db', { endpoint: '' })
    const [, added, settled] = diffPeers([wants('db')], [tried], nothingWritten, nowSeconds)
    assert.equal(added?.keepalive_seconds, 25)
    assert.deepEqual(settled, { public_key: 'db', type: 'update', keepalive_seconds: 0 })
  })

  it('adds a peer anew that was tried in vain, for WireGuard would wait', () => {
    const tried = has('db', { endpoint: '', keepalive_seconds: 25 })
    const wanted = [wants('db', { keepalive_seconds: 25 })]

    assert.deepEqual(diffPeers(wanted, [tried], nothingWritten, nowSeconds), [
      { public_key: 'db', type: 'remove' },
      {
        public_key: 'db',
        type: 'add',
        psk: 'psk',
        allowed_ips: ['10.100.1.2/32'],
        endpoint: '203.0.113.7:51820',
        keepalive_seconds: 25,
      },
    ])
  })
})
