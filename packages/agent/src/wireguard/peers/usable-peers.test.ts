import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Peer, parseCidr } from '@plexd/protocol'
import { usablePeers } from './usable-peers.ts'

const dbKey = new Uint8Array(32).fill(7).toBase64()
const webKey = new Uint8Array(32).fill(9).toBase64()

function aPeer(changes: Partial<Peer> = {}): Peer {
  return {
    id: 'n_db',
    public_key: dbKey,
    mesh_ip: '10.100.1.2',
    endpoint: '203.0.113.7:51820',
    allowed_ips: ['10.100.1.2/32'],
    psk: '',
    ...changes,
  }
}

describe('usablePeers', () => {
  it('keeps what WireGuard accepts', () => {
    const peers = [
      aPeer(),
      aPeer({ id: 'n_web', public_key: webKey, allowed_ips: ['10.100.1.3/32'] }),
    ]

    assert.deepEqual(usablePeers(peers), { peers, problems: [] })
  })

  it('writes allowed IPs as WireGuard prints them', () => {
    const { peers } = usablePeers([aPeer({ allowed_ips: ['10.7.3.9/16', '10.100.1.2'] })])

    assert.deepEqual(peers[0]?.allowed_ips, ['10.7.0.0/16', '10.100.1.2/32'])
  })

  it('gives an allowed IP to the first of two peers that want it', () => {
    const { peers, problems } = usablePeers([aPeer(), aPeer({ id: 'n_web', public_key: webKey })])

    assert.deepEqual(
      peers.map(({ allowed_ips }) => allowed_ips),
      [['10.100.1.2/32'], []],
    )
    assert.deepEqual(problems, [
      'allowed IP "10.100.1.2/32" of peer "n_web" belongs to "n_db" already',
    ])
  })

  for (const [what, changes] of [
    ['a key of zeros', { public_key: new Uint8Array(32).toBase64() }],
    ['a key of low order', { public_key: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }],
    ['no key', { public_key: '' }],
    ['a PSK that is none', { psk: 'secret' }],
  ] as const)
    it(`leaves out a peer with ${what}, and has the rest`, () => {
      const other = aPeer({ id: 'n_web', public_key: webKey, allowed_ips: [] })
      const { peers, problems } = usablePeers([aPeer(changes), other])

      assert.deepEqual(peers, [other])
      assert.match(problems.join(), /^peer "n_db" is left out: its (public key|PSK) is none/)
    })

  it('treats a PSK of zeros as none, as WireGuard does', () => {
    const { peers, problems } = usablePeers([aPeer({ psk: new Uint8Array(32).toBase64() })])

    assert.deepEqual(peers, [aPeer({ psk: '' })])
    assert.deepEqual(problems, [])
  })

  it('has one peer for one key', () => {
    const { peers, problems } = usablePeers([aPeer(), aPeer({ id: 'n_web', endpoint: '' })])

    assert.deepEqual(peers, [aPeer()])
    assert.deepEqual(problems, ['peer "n_web" has the key of "n_db"'])
  })

  it('drops what is not an address', () => {
    const { peers, problems } = usablePeers([
      aPeer({
        allowed_ips: ['10.100.1.2/33', 'fd00::/8', '10.7.0.0/24'],
        endpoint: 'db.example:51820',
      }),
    ])

    assert.deepEqual(peers, [aPeer({ allowed_ips: ['10.7.0.0/24'], endpoint: '' })])
    assert.equal(problems.length, 3)
  })

  const rules = { meshRanges: [parseCidr('10.100.0.0/16'), parseCidr('10.200.0.0/16')] }

  for (const endpoint of ['[fe80::1%eth0]:1', '127.0.0.1:1', '224.0.0.1:1'])
    it(`keeps a peer without its endpoint ${endpoint}, and names it`, () => {
      const { peers, problems } = usablePeers([aPeer({ endpoint })], rules)

      assert.deepEqual(peers, [aPeer({ endpoint: '' })])
      assert.match(problems.join(), /^endpoint ".*" of peer "n_db": it/)
    })

  for (const cidr of ['0.0.0.0/0', '10.0.0.0/8', '192.168.1.0/24', '10.101.0.1/32'])
    it(`leaves out the allowed IP ${cidr}, which is not of the mesh, unless the config says otherwise`, () => {
      const peer = aPeer({ allowed_ips: ['10.100.1.2/32', cidr] })

      const { peers, problems } = usablePeers([peer], rules)

      assert.deepEqual(peers, [aPeer()])
      assert.match(
        problems.join(),
        /"n_db" lies outside the mesh: "mesh.foreign_allowed_ips: true"/,
      )
      const trusting = { ...rules, foreignAllowedIps: true }
      assert.deepEqual(usablePeers([peer], trusting), { peers: [peer], problems: [] })
    })

  it('accepts peers in every routed range, and silently drops those in a range without a route', () => {
    const peer = aPeer({ allowed_ips: ['10.200.0.1/32'] })
    const [meshRanges, leftOut] = [rules.meshRanges, rules.meshRanges.slice(1)]

    assert.deepEqual(usablePeers([peer], rules), { peers: [peer], problems: [] })
    assert.deepEqual(usablePeers([peer], { meshRanges, leftOut }), {
      peers: [aPeer({ allowed_ips: [] })],
      problems: [],
    })
  })

  for (const endpoint of ['203.0.113.7:51820', '10.100.7.2:51820', '[2001:db8::1]:51820']) {
    it(`takes ${endpoint} for an endpoint`, () => {
      assert.equal(usablePeers([aPeer({ endpoint })]).peers[0]?.endpoint, endpoint)
    })
  }
  for (const endpoint of [
    '203.0.113.7',
    '203.0.113.777:51820',
    '203.0.113.7:0',
    '203.0.113.7:70000',
  ]) {
    it(`does not take ${endpoint} for one`, () => {
      assert.equal(usablePeers([aPeer({ endpoint })]).peers[0]?.endpoint, '')
    })
  }
})
