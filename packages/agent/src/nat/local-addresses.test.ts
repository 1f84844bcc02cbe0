import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { localEndpoints, localPlace } from './local-addresses.ts'

const place = {
  port: 51_820,
  meshInterface: 'plexd0',
  wayOut: 'eth0',
  isInside: (name: string) => name.startsWith('br'),
}

describe('localEndpoints', () => {
  it('lists the network card before eight bridges, and no more than the control plane accepts', () => {
    const interfaces = {
      lo: [anAddress('127.0.0.1', true)],
      ...Object.fromEntries(
        Array.from({ length: 8 }, (_, index) => [
          `br${index}`,
          [anAddress(`172.${18 + index}.0.1`)],
        ]),
      ),
      plexd0: [anAddress('10.100.0.1')],
      eth1: [anAddress('10.7.0.3')],
      eth2: [anAddress('198.51.100.7'), anAddress('fe80::1')],
      eth0: [anAddress('192.168.1.7')],
    }

    assert.deepEqual(localEndpoints(interfaces, place), [
      '192.168.1.7:51820',
      '198.51.100.7:51820',
      '10.7.0.3:51820',
      ...[18, 19, 20, 21, 22].map((number) => `172.${number}.0.1:51820`),
    ])
  })

  it('keeps the order of the kernel among equals, and works without a default route', () => {
    const interfaces = {
      b: [anAddress('10.0.0.2'), anAddress('fd00::2')],
      a: [anAddress('10.0.0.1'), anAddress('2001:db8::1')],
    }

    assert.deepEqual(localEndpoints(interfaces, { ...place, wayOut: '' }), [
      '[2001:db8::1]:51820',
      '10.0.0.2:51820',
      '[fd00::2]:51820',
      '10.0.0.1:51820',
    ])
  })
})

describe('localPlace', () => {
  it('knows the interface names of container engines', () => {
    const { isInside } = localPlace({ port: 1, meshInterface: 'plexd0' })
    assert.deepEqual(
      ['docker0', 'br-4f1e', 'cni0', 'virbr0', 'veth1a', 'eth0', 'wlp3s0', 'bond0', 'en0'].filter(
        isInside,
      ),
      ['docker0', 'br-4f1e', 'cni0', 'virbr0', 'veth1a'],
    )
  })
})

function anAddress(address: string, internal = false) {
  const family = address.includes(':') ? ('IPv6' as const) : ('IPv4' as const)
  const common = { address, netmask: '', mac: '', internal, cidr: null }
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 0 }
}
