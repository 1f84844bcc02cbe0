import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NatType, Peer, PeerStatus } from '@plexd/protocol'
import { hasSession, type WgPeer } from '../backend/wg-interface.ts'
import { describePeers } from './peer-status.ts'

const nowSeconds = 1_736_937_000
const onlooker = { nowSeconds, natType: 'none' } as const
const db: Peer = {
  id: 'n_db',
  public_key: 'db',
  mesh_ip: '10.100.1.2',
  endpoint: '203.0.113.7:51820',
  allowed_ips: ['10.100.1.2/32'],
  psk: 'secret',
}
const found: WgPeer = {
  public_key: 'db',
  psk: 'secret',
  endpoint: '198.51.100.9:4711',
  allowed_ips: ['10.100.1.2/32'],
  keepalive_seconds: 25,
  handshake_at: nowSeconds - 60,
  rx_bytes: 148,
  tx_bytes: 92,
}

describe('describePeers', () => {
  it('shows the current endpoint of a peer, and no secret', () => {
    assert.deepEqual(describePeers([db], [found], onlooker), [
      {
        id: 'n_db',
        hostname: '',
        mesh_ip: '10.100.1.2',
        public_key: 'db',
        state: 'connected',
        reason: '',
        endpoint: '198.51.100.9:4711',
        allowed_ips: ['10.100.1.2/32'],
        last_handshake_at: '2025-01-15T10:29:00.000Z',
        rx_bytes: 148,
        tx_bytes: 92,
        keepalive_seconds: 25,
      },
    ])
  })

  const cases: [string, WgPeer[], PeerStatus['state']][] = [
    ['is not on the interface', [], 'missing'],
    ['has no endpoint', [{ ...found, endpoint: '', handshake_at: 0 }], 'no_endpoint'],
    ['never answered', [{ ...found, handshake_at: 0 }], 'unanswered'],
    ['was never spoken to', [{ ...found, handshake_at: 0, tx_bytes: 0 }], 'idle'],
    ['has been silent', [{ ...found, handshake_at: nowSeconds - 200 }], 'idle'],
  ]
  for (const [what, actual, state] of cases) {
    it(`names a peer that ${what}: ${state}`, () => {
      const [peer] = describePeers([db], actual, onlooker)
      assert.equal(peer?.state, state)
      assert.notEqual(peer?.reason, '')
    })
  }

  it('does not call a peer connected if its packets do not get into the mesh', () => {
    const astray = new Map([['n_db', 'packets for it leave by tun9 instead of plexd0']])
    const [peer] = describePeers([db], [found], { ...onlooker, astray })
    assert.equal(peer?.state, 'misrouted')
    assert.equal(peer?.reason, 'packets for it leave by tun9 instead of plexd0')
    assert.equal(describePeers([db], [], { ...onlooker, astray })[0]?.state, 'missing')
  })

  it('says how large a packet may be, where only small ones get through', () => {
    const [peer] = describePeers([db], [found], { ...onlooker, largestTo: () => 1_280 })
    assert.equal(peer?.state, 'connected')
    assert.equal(peer?.reason, 'no packet over 1280 bytes gets through')
  })

  const unanswered = { ...found, handshake_at: 0 }
  const pairs: [own: NatType, peer: NatType][] = [
    ['symmetric', 'symmetric'],
    ['symmetric', 'port_restricted'],
    ['port_restricted', 'symmetric'],
  ]
  for (const [natType, nat_type] of pairs)
    it(`says that WireGuard alone cannot cross a ${natType} and a ${nat_type} NAT`, () => {
      const [peer] = describePeers([{ ...db, nat_type }], [unanswered], { nowSeconds, natType })
      assert.equal(
        peer?.reason,
        `no answer: its NAT is ${nat_type} and ours ${natType}: WireGuard alone cannot cross this pair, one side needs a public endpoint`,
      )
    })

  it('blames no NAT that can be crossed, and none while the peer answers', () => {
    const natType = 'symmetric'
    const [down] = describePeers([{ ...db, nat_type: 'restricted' }], [unanswered], {
      nowSeconds,
      natType,
    })
    assert.match(down?.reason ?? '', /^no answer: the peer is down/)
    const [up] = describePeers([{ ...db, nat_type: natType }], [found], { nowSeconds, natType })
    assert.equal(up?.reason, '')
  })
})

it('does not call a peer connected if its handshake is in the future, as after the clock was set back', () => {
  const nowSeconds = 1_736_937_000
  assert.equal(hasSession({ handshake_at: nowSeconds - 60 }, nowSeconds), true)
  assert.equal(hasSession({ handshake_at: nowSeconds + 60 }, nowSeconds), true)
  assert.equal(hasSession({ handshake_at: nowSeconds + 7_140 }, nowSeconds), false)
})
