import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cidrContains, cidrSize, formatCidr, formatIpv4, parseCidr } from '@plexd/protocol'
import fc from 'fast-check'
import { type LocalRoute, parseLocalRoutes } from './local-routes.ts'
import { guessMeshRange, judgePlace, type PlannedPlace } from './mesh-range.ts'

describe('guessMeshRange', () => {
  it('takes the usual range for an address in it', () => {
    assert.equal(guessMeshRange('10.100.7.1'), '10.100.0.0/16')
  })

  it('takes as large a range around any other address', () => {
    assert.equal(guessMeshRange('172.20.3.4'), '172.20.0.0/16')
  })
})

/** As `ip -4 -json route show table all` prints it on a host in 192.168.1.0/24 with Docker. */
const routes = parseLocalRoutes(
  JSON.stringify([
    { dst: 'default', gateway: '192.168.1.1', dev: 'eth0', flags: [] },
    { dst: '172.17.0.0/16', dev: 'docker0', protocol: 'kernel', prefsrc: '172.17.0.1', flags: [] },
    { dst: '192.168.1.0/24', dev: 'eth0', protocol: 'kernel', prefsrc: '192.168.1.7', flags: [] },
    { dst: '10.9.0.0/16', nexthops: [{ gateway: '192.168.1.2' }, { gateway: '192.168.1.3' }] },
    { type: 'blackhole', dst: '10.8.0.0/16', flags: [] },
    { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local' },
    { type: 'local', dst: '192.168.1.7', dev: 'eth0', table: 'local' },
    { type: 'broadcast', dst: '192.168.1.255', dev: 'eth0', table: 'local' },
    { dst: '0.0.0.0/1', gateway: '172.17.0.2', dev: 'tun0', flags: [] },
  ]),
)

describe('judgePlace', () => {
  it('finds nothing wrong with a range that nobody has, though a VPN has the default route in two halves', () => {
    assert.equal(judgePlace(aPlace(), routes), undefined)
  })

  for (const [what, place, words] of [
    ['half of the internet', { meshRange: '0.0.0.0/1' }, /0\.0\.0\.0\/1 overlaps 0\.0\.0\.0\/8/],
    [
      'loopback',
      { meshRange: '127.0.0.0/8', meshIp: '127.0.0.9' },
      /overlaps 127\.0\.0\.0\/8, which is loopback/,
    ],
    ['multicast', { meshRange: '239.1.0.0/16', meshIp: '239.1.0.1' }, /multicast/],
    [
      'what is larger than any mesh',
      { meshRange: '32.0.0.0/3', meshIp: '35.0.0.1' },
      /larger than any mesh, a \/8/,
    ],
    [
      'a part of the LAN',
      { meshRange: '192.168.1.0/25', meshIp: '192.168.1.9' },
      /192\.168\.1\.0\/25 overlaps the route 192\.168\.1\.0\/24 dev eth0/,
    ],
    [
      'what holds the LAN',
      { meshRange: '192.168.0.0/16', meshIp: '192.168.9.9' },
      /overlaps the route 192\.168\.1\.0\/24 dev eth0/,
    ],
    [
      'the network of the containers',
      { meshRange: '172.17.0.0/16', meshIp: '172.17.9.9' },
      /172\.17\.0\.0\/16 dev docker0/,
    ],
    [
      'a blackhole',
      { meshRange: '10.8.0.0/16', meshIp: '10.8.0.1' },
      /the route blackhole 10\.8\.0\.0\/16/,
    ],
    [
      'the address of the gateway',
      { meshRange: '192.168.1.0/24', meshIp: '192.168.1.1' },
      /192\.168\.1\.1, is the gateway of the route default dev eth0/,
    ],
    [
      'the address of another gateway',
      { meshRange: '192.168.1.0/24', meshIp: '192.168.1.3' },
      /gateway of the route 10\.9\.0\.0\/16/,
    ],
    [
      'an address of this machine',
      { meshRange: '192.168.1.0/24', meshIp: '192.168.1.7' },
      /in use here on eth0/,
    ],
    [
      'an address outside the range',
      { meshIp: '10.101.0.1' },
      /10\.101\.0\.1, lies outside its range 10\.100\.0\.0\/16/,
    ],
    ['what is no range', { meshRange: '10.100.0.1/16' }, /"10\.100\.0\.1\/16" is none/],
    [
      'another range than that of the config',
      { pinned: '10.200.0.0/16' },
      /"mesh\.range" in the config is 10\.200\.0\.0\/16/,
    ],
  ] as const)
    it(`refuses ${what}, and names both`, () => {
      const verdict = judgePlace(aPlace(place), routes)
      assert.match(verdict && 'refusal' in verdict ? verdict.refusal : 'taken', words)
    })

  it('takes a range that overlaps a route where the config names it, but no gateway as its address', () => {
    const place = aPlace({ meshRange: '192.168.1.0/24', pinned: '192.168.1.0/24' })
    assert.equal(judgePlace({ ...place, meshIp: '192.168.1.9' }, routes), undefined)
    const verdict = judgePlace({ ...place, meshIp: '192.168.1.1' }, routes)
    assert.ok(verdict && 'refusal' in verdict)
  })

  it('warns only, where the mesh was there before the route', () => {
    const ours: LocalRoute[] = [
      { type: 'local', dst: '10.100.0.1', dev: 'plexd0', gateways: [] },
      { type: 'unicast', dst: '10.100.0.0/16', dev: 'plexd0', gateways: [] },
    ]
    assert.equal(judgePlace(aPlace(), [...routes, ...ours]), undefined)
    const late: LocalRoute = { type: 'unicast', dst: '10.100.3.0/24', dev: 'br0', gateways: [] }
    const verdict = judgePlace(aPlace(), [...routes, ...ours, late])
    assert.match(
      verdict && 'warning' in verdict ? verdict.warning : '',
      /10\.100\.3\.0\/24 dev br0/,
    )
    assert.ok('refusal' in (judgePlace(aPlace(), [...routes, late]) ?? {}))
  })

  it('refuses whatever range has an address in common with a network in use here', () => {
    const prefix = fc.integer({ min: 8, max: 30 })
    const address = fc.nat(2 ** 32 - 1)
    fc.assert(
      fc.property(
        prefix,
        address,
        fc.nat(),
        fc.integer({ min: 8, max: 32 }),
        (length, at, offset, other) => {
          const range = parseCidr(masked(at, length))
          const inside = range.first + (offset % cidrSize(range))
          const route = { type: 'unicast', dst: masked(inside, other), gateways: [] }
          const place = aPlace({ meshRange: formatCidr(range), meshIp: formatIpv4(range.first) })
          assert.ok('refusal' in (judgePlace(place, [route]) ?? {}))
          assert.ok(cidrContains(range, inside))
        },
      ),
    )
  })
})

function masked(address: number, prefixLength: number): string {
  const size = 2 ** (32 - prefixLength)
  return formatCidr({ family: 4, first: address - (address % size), prefixLength })
}

function aPlace(changes: Partial<PlannedPlace> = {}): PlannedPlace {
  return {
    meshIp: '10.100.0.1',
    meshRange: '10.100.0.0/16',
    pinned: undefined,
    interfaceName: 'plexd0',
    ...changes,
  }
}
