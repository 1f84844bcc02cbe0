import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCidr } from '@plexd/protocol'
import { chooseEndpoint } from './choose-endpoint.ts'
import type { Interfaces } from './local-addresses.ts'

const interfaces = {
  lo: [anAddress('127.0.0.1', 8, true)],
  eth0: [anAddress('192.168.1.2', 24)],
  docker0: [anAddress('172.17.0.1', 16)],
  plexd0: [anAddress('10.100.0.1', 32)],
}
const here = { own: { public_endpoint: '203.0.113.1:51820' }, interfaces }
const publicEndpoint = '203.0.113.1:40000'

describe('chooseEndpoint', () => {
  it('uses the local endpoint of a peer in the same network behind the same NAT', () => {
    const peer = { endpoint: publicEndpoint, local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, here), '192.168.1.3:51820')
  })

  it('uses the public endpoint of a peer in another network with the same addresses', () => {
    const peer = { endpoint: '198.51.100.1:40000', local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, here), '198.51.100.1:40000')
  })

  it('ignores local endpoints that it cannot reach, and those that it has itself', () => {
    for (const local of ['192.168.2.3:51820', '172.17.0.1:51820', '[fd00::1]:51820', '127.0.0.2:1'])
      assert.equal(
        chooseEndpoint({ endpoint: publicEndpoint, local_endpoints: [local] }, here),
        publicEndpoint,
      )
    assert.equal(chooseEndpoint({ endpoint: publicEndpoint }, here), publicEndpoint)
  })

  it('uses local endpoints in its own network even if no STUN server tells the public address', () => {
    const peer = { endpoint: '', local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, { own: undefined, interfaces }), '192.168.1.3:51820')
    assert.equal(chooseEndpoint(peer, here), '')
  })

  it('uses a local endpoint inside the mesh range if there is no other', () => {
    const meshRanges = ['10.200.0.0/16', '10.100.0.0/16'].map(parseCidr)
    const local_endpoints = ['192.168.1.3:51820', '10.100.7.3:51820']
    const peer = { endpoint: '', local_endpoints }
    assert.equal(chooseEndpoint(peer, { ...here, meshRanges }), '10.100.7.3:51820')
    const seen = { endpoint: '198.51.100.1:40000', local_endpoints }
    assert.equal(chooseEndpoint(seen, { ...here, meshRanges }), '198.51.100.1:40000')
  })
})

function anAddress(address: string, prefixLength: number, internal = false) {
  return {
    address,
    cidr: `${address}/${prefixLength}`,
    family: 'IPv4',
    internal,
    netmask: '',
    mac: '',
  } satisfies NonNullable<Interfaces[string]>[number]
}
