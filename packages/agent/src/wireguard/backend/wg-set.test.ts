import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WgChange } from './wg-interface.ts'
import { wgAddConf, wgSetArgs } from './wg-set.ts'

const change: WgChange = {
  listen_port: 51820,
  peers: [
    { public_key: 'web', type: 'remove' },
    { public_key: 'db', type: 'update', endpoint: '192.0.2.1:51820', allowed_ips: [] },
    { public_key: 'proxy', type: 'update', psk: '', keepalive_seconds: 25 },
    {
      public_key: 'cache',
      type: 'add',
      psk: 'secret',
      allowed_ips: ['10.100.1.2/32', '10.7.0.0/24'],
    },
  ],
}

describe('wgSetArgs', () => {
  it('removes and updates in one call, without a secret', () => {
    assert.deepEqual(wgSetArgs(change, '/run/plexd/key'), [
      'private-key',
      '/run/plexd/key',
      'listen-port',
      '51820',
      ...['peer', 'web', 'remove'],
      ...['peer', 'db', 'endpoint', '192.0.2.1:51820', 'allowed-ips', ''],
    ])
  })

  it('is empty when there is nothing to do', () => {
    assert.deepEqual(wgSetArgs({ peers: [{ public_key: 'db', type: 'update', psk: 'new' }] }), [])
  })
})

describe('wgAddConf', () => {
  it('adds peers and changes PSKs, with the allowed IPs that a peer already has', () => {
    const text = wgAddConf(change, (publicKey) => (publicKey === 'proxy' ? ['10.100.1.9/32'] : []))

    assert.equal(
      text,
      `[Peer]
PublicKey = proxy
PresharedKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
PersistentKeepalive = 25
AllowedIPs = 10.100.1.9/32

[Peer]
PublicKey = cache
PresharedKey = secret
AllowedIPs = 10.100.1.2/32, 10.7.0.0/24
`,
    )
  })

  it('is empty when there is nothing to do', () => {
    assert.equal(
      wgAddConf({ peers: [{ public_key: 'db', type: 'remove' }] }, () => []),
      '',
    )
  })
})
