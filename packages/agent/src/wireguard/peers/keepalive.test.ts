import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wgPeer } from '../../testing/peer.ts'
import { forgetSources, keysInUse, speakNow } from './keepalive.ts'

const nowSeconds = 1_736_937_000
const db = wgPeer('db', { endpoint: '203.0.113.7:51820', handshake_at: nowSeconds - 60 })
const silent = { ...db, public_key: 'web', endpoint: '', handshake_at: nowSeconds - 600 }

describe('a machine with another address', () => {
  it('sends to the peers that it has a session with', () => {
    assert.deepEqual(keysInUse([db, silent], nowSeconds), ['db'])
    assert.deepEqual(speakNow(['db']), [
      { public_key: 'db', type: 'update', keepalive_seconds: 0 },
      { public_key: 'db', type: 'update', keepalive_seconds: 25 },
    ])
  })

  it('rewrites the same endpoints for wireguard-go only', () => {
    assert.deepEqual(forgetSources([db, silent], 'wireguard-go'), [
      { public_key: 'db', type: 'update', endpoint: '203.0.113.7:51820' },
    ])
    assert.deepEqual(forgetSources([db, silent], 'kernel'), [])
  })
})
