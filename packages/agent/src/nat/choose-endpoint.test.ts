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
  it('goes the short way to a peer behind the same NAT, in the same network', () => {
    const peer = { endpoint: publicEndpoint, local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, here), '192.168.1.3:51820')
  })

  it('goes over the internet to networks that only look the same', () => {
    const peer = { endpoint: '198.51.100.1:40000', local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, here), '198.51.100.1:40000')
  })

  it('leaves alone what it cannot reach, and what is its own', () => {
    for (const local of ['192.168.2.3:51820', '172.17.0.1:51820', '[fd00::1]:51820', '127.0.0.2:1'])
      assert.equal(
        chooseEndpoint({ endpoint: publicEndpoint, local_endpoints: [local] }, here),
        publicEndpoint,
      )
    assert.equal(chooseEndpoint({ endpoint: publicEndpoint }, here), publicEndpoint)
  })

  it('finds peers in its own network also where no server tells the public address', () => {
    const peer = { endpoint: '', local_endpoints: ['192.168.1.3:51820'] }
    assert.equal(chooseEndpoint(peer, { own: undefined, interfaces }), '192.168.1.3:51820')
    assert.equal(chooseEndpoint(peer, here), '')
  })

  it('takes an address inside the mesh range, which only local endpoints have, where there is no other', () => {
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
