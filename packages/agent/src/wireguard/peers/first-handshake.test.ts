import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PeerChange } from '../backend/wg-interface.ts'
import { firstHandshakes, newlyReachable } from './first-handshake.ts'

const endpoint = '203.0.113.7:51820'
const speaking = (public_key: string): PeerChange => {
  return { public_key, type: 'add', endpoint, keepalive_seconds: 25 }
}

describe('firstHandshakes', () => {
  it('lets the node with the smaller key start, and the other one wait', () => {
    const writes = [speaking('db')]

    assert.deepEqual(firstHandshakes(writes, 'cache', []), {
      writes,
      started: ['db'],
      awaited: new Map(),
    })
    assert.deepEqual(firstHandshakes(writes, 'web', []), {
      writes: [{ public_key: 'db', type: 'add', keepalive_seconds: 0 }],
      started: [],
      awaited: new Map([['db', endpoint]]),
    })
  })

  it('keeps the entry of one that is there already, as it may have answered a handshake', () => {
    const again: PeerChange[] = [
      { public_key: 'db', type: 'remove' },
      { ...speaking('db'), psk: 'secret', allowed_ips: ['10.100.1.2/32'] },
      { public_key: 'db', type: 'update', keepalive_seconds: 15 },
    ]
    assert.deepEqual(firstHandshakes(again, 'web', []), {
      writes: [
        {
          public_key: 'db',
          type: 'update',
          psk: 'secret',
          allowed_ips: ['10.100.1.2/32'],
          keepalive_seconds: 0,
        },
      ],
      started: [],
      awaited: new Map([['db', endpoint]]),
    })
    assert.deepEqual(firstHandshakes(again, 'cache', []).writes, again)
  })

  const others: [string, PeerChange][] = [
    ['WireGuard sends nothing to by itself', { public_key: 'db', type: 'add', endpoint }],
    ['nobody knows the endpoint of', { public_key: 'db', type: 'add', keepalive_seconds: 25 }],
    ['is only updated', { public_key: 'db', type: 'update', endpoint, keepalive_seconds: 25 }],
  ]
  for (const [what, change] of others)
    it(`does not wait for a peer that ${what}`, () => {
      const { writes, awaited } = firstHandshakes([change], 'web', [])
      assert.deepEqual(writes, [change])
      assert.deepEqual(awaited, new Map())
    })

  it('leaves the new key of a peer to its handover', () => {
    const writes = [speaking('db')]
    assert.deepEqual(firstHandshakes(writes, 'web', [{ to: 'db' }]).writes, writes)
  })
})

describe('newlyReachable', () => {
  it('names the peers that are added with an endpoint', () => {
    const keys = newlyReachable([
      { public_key: 'web', type: 'remove' },
      { public_key: 'db', type: 'add', endpoint },
      { public_key: 'cache', type: 'add' },
      { public_key: 'proxy', type: 'update', endpoint: '203.0.113.8:51820' },
    ])
    assert.deepEqual(keys, ['db'])
  })
})
