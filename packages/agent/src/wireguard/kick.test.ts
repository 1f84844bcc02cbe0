import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forgetSources, keysInUse, kicks } from './kick.ts'
import type { WgPeer } from './wg-interface.ts'

const nowSeconds = 1_736_937_000
const db: WgPeer = {
  public_key: 'db',
  psk: '',
  endpoint: '203.0.113.7:51820',
  allowed_ips: [],
  keepalive_seconds: 0,
  handshake_at: nowSeconds - 60,
  rx_bytes: 0,
  tx_bytes: 0,
}
const silent: WgPeer = { ...db, public_key: 'web', endpoint: '', handshake_at: nowSeconds - 600 }

describe('a machine with another address', () => {
  it('speaks to those it has a session with', () => {
    assert.deepEqual(keysInUse([db, silent], nowSeconds), ['db'])
    assert.deepEqual(kicks(['db']), [
      { public_key: 'db', type: 'update', keepalive_seconds: 0 },
      { public_key: 'db', type: 'update', keepalive_seconds: 25 },
    ])
  })

  it('writes the same endpoints again to wireguard-go alone', () => {
    assert.deepEqual(forgetSources([db, silent], 'wireguard-go'), [
      { public_key: 'db', type: 'update', endpoint: '203.0.113.7:51820' },
    ])
    assert.deepEqual(forgetSources([db, silent], 'kernel'), [])
  })
})
