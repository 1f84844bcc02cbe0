import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cidrContains, cidrSize, formatCidr, formatIpv4, parseCidr } from '@plexd/protocol'
import fc from 'fast-check'
import { guessMeshRange, judgePlace, type PlaceVerdict } from './mesh-range.ts'
import type { PlannedPlace } from './range-faults.ts'
import { type LocalRoute, parseRouting, type Routing } from './tables/local-routes.ts'
import { networkAround, readRange } from './tables/networks.ts'

describe('guessMeshRange', () => {
  it('takes the usual range for an address in it', () => {
    assert.equal(guessMeshRange('10.100.7.1'), '10.100.0.0/16')
  })

  it('takes a range of the same size around any other address', () => {
    assert.equal(guessMeshRange('172.20.3.4'), '172.20.0.0/16')
  })
})

/** As `ip -4 -json` prints rules and routes on a host in 192.168.1.0/24 with Docker. */
const machine = parseRouting(
  `[{"priority":32766,"src":"all","table":"main"}]\n${JSON.stringify([
    { dst: 'default', gateway: '192.168.1.1', dev: 'eth0', flags: [] },
    { dst: '172.17.0.0/16', dev: 'docker0', protocol: 'kernel', prefsrc: '172.17.0.1', flags: [] },
    { dst: '192.168.1.0/24', dev: 'eth0', protocol: 'kernel', prefsrc: '192.168.1.7', flags: [] },
    { dst: '10.9.0.0/16', nexthops: [{ gateway: '192.168.1.2' }, { gateway: '192.168.1.3' }] },
    { type: 'blackhole', dst: '10.8.0.0/16', flags: [] },
    { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local' },
    { type: 'local', dst: '192.168.1.7', dev: 'eth0', table: 'local' },
    { type: 'broadcast', dst: '192.168.1.255', dev: 'eth0', table: 'local' },
    { dst: '0.0.0.0/1', gateway: '172.17.0.2', dev: 'tun0', flags: [] },
  ])}\n`,
)

const unreachable = aRoute('10.100.0.0/16', { type: 'unreachable', table: '8293' })

describe('judgePlace', () => {
  it('finds nothing wrong with a range that nobody has, though a VPN has the default route in two halves', () => {
    assert.deepEqual(judgePlace(aPlace(), machine), fine('10.100.0.0/16'))
  })

  it('refuses a range in which another plexd of this machine has its mesh, pinned or not', () => {
    const theirs = aRoute('10.100.0.0/16', { dev: 'plexd1', table: '8293' })
    const mesh = [theirs, unreachable]
    for (const pinned of [undefined, ['10.100.0.0/16']])
      assert.match(
        JSON.stringify(judgePlace(aPlace({ pinned }), withRoutes(...mesh))),
        /refusal.*another plexd on this machine has its mesh, by the interface .*plexd1/,
      )
    const own = mesh.map((route) =>
      route.type === 'unicast' ? { ...route, dev: 'plexd0' } : route,
    )
    assert.deepEqual(judgePlace(aPlace(), withRoutes(...own)), fine('10.100.0.0/16'))
    const elsewhere = aRoute('10.200.0.0/16', { dev: 'plexd1', table: '8293' })
    assert.deepEqual(judgePlace(aPlace(), withRoutes(elsewhere)), fine('10.100.0.0/16'))
  })

  for (const [what, place, words] of [
    ['half of the internet', { meshRanges: ['0.0.0.0/1'] }, /0\.0\.0\.0\/1 overlaps 0\.0\.0\.0\/8/],
    [
      'loopback',
      { meshRanges: ['127.0.0.0/8'], meshIp: '127.0.0.9' },
      /overlaps 127\.0\.0\.0\/8, which is loopback/,
    ],
    ['multicast', { meshRanges: ['239.1.0.0/16'], meshIp: '239.1.0.1' }, /multicast/],
    [
      'what is larger than any mesh',
      { meshRanges: ['32.0.0.0/3'], meshIp: '35.0.0.1' },
      /larger than any mesh, a \/8/,
    ],
    [
      'a part of the LAN',
      { meshRanges: ['192.168.1.0/25'], meshIp: '192.168.1.9' },
      /192\.168\.1\.0\/25 overlaps the route 192\.168\.1\.0\/24 dev eth0/,
    ],
    [
      'what holds the LAN, with an address in that',
      { meshRanges: ['192.168.0.0/16'], meshIp: '192.168.1.9' },
      /192\.168\.1\.9, lies in the network of the route 192\.168\.1\.0\/24 dev eth0/,
    ],
    [
      'the address of the control plane',
      { controlAddresses: ['10.100.0.1'] },
      /10\.100\.0\.1, is that of the control plane/,
    ],
    [
      'the network of the containers',
      { meshRanges: ['172.17.0.0/16'], meshIp: '172.17.9.9' },
      /172\.17\.0\.0\/16 dev docker0/,
    ],
    [
      'a blackhole',
      { meshRanges: ['10.8.0.0/16'], meshIp: '10.8.0.1' },
      /the route blackhole 10\.8\.0\.0\/16/,
    ],
    [
      'the address of the gateway',
      { meshRanges: ['192.168.1.0/24'], meshIp: '192.168.1.1' },
      /192\.168\.1\.1, is the gateway of the route default dev eth0/,
    ],
    [
      'the address of another gateway',
      { meshRanges: ['192.168.1.0/24'], meshIp: '192.168.1.3' },
      /gateway of the route 10\.9\.0\.0\/16/,
    ],
    [
      'an address of this machine',
      { meshRanges: ['192.168.1.0/24'], meshIp: '192.168.1.7' },
      /in use here on eth0/,
    ],
    [
      'an address outside the range',
      { meshIp: '10.101.0.1' },
      /10\.101\.0\.1, lies outside its range 10\.100\.0\.0\/16/,
    ],
    ['what is no range', { meshRanges: ['10.100.0.1/16'] }, /"10\.100\.0\.1\/16" is none/],
    [
      'another range than that of the config',
      { pinned: ['10.200.0.0/16'] },
      /"mesh\.range" in the config is 10\.200\.0\.0\/16: change that, or remove it/,
    ],
  ] as const)
    it(`refuses ${what}, and names both`, () => {
      assert.match(judgePlace(aPlace(place), machine).refusal ?? 'taken', words)
    })

  it('takes a range that overlaps a route where the config names it, but no gateway as its address', () => {
    const place = aPlace({ meshRanges: ['192.168.1.0/24'], pinned: ['192.168.1.0/24'] })
    assert.deepEqual(
      judgePlace({ ...place, meshIp: '192.168.1.9' }, machine),
      fine('192.168.1.0/24'),
    )
    assert.match(judgePlace({ ...place, meshIp: '192.168.1.1' }, machine).refusal ?? '', /gateway/)
  })

  it('leaves a smaller network in the range to the machine, and names both', () => {
    assert.equal(
      warningOf(aPlace({ meshRanges: ['192.168.0.0/16'], meshIp: '192.168.9.9' }), machine),
      'the mesh range 192.168.0.0/16 overlaps a network of this machine: 192.168.1.0/24, the route 192.168.1.0/24 dev eth0, stays with the machine, but for the addresses of peers: give one of the two another range',
    )
    assert.match(
      warningOf(aPlace({ controlAddresses: ['10.100.9.9', '203.0.113.1'] }), machine),
      /10\.100\.9\.9, the address of the control plane, stays with the machine/,
    )
  })

  it('names a network that only some packets are led to, and that the mesh takes from them', () => {
    const hidden = withRoutes(aRoute('10.100.8.0/24', { dev: 'red', table: '77' }))
    assert.equal(
      warningOf(aPlace(), hidden),
      'the mesh range 10.100.0.0/16 overlaps a network of this machine: packets for the route 10.100.8.0/24 dev red of table 77 go into the mesh, for not all packets are led to that table: give one of the two another range',
    )
    const pinned = ['10.100.0.0/16']
    assert.deepEqual(judgePlace(aPlace({ pinned }), hidden), fine('10.100.0.0/16'))
  })

  it('warns only, where the mesh was there before the route', () => {
    const ours = [
      aRoute('10.100.0.1', { type: 'local', dev: 'plexd0', table: 'local' }),
      aRoute('10.100.0.0/16', { dev: 'plexd0', table: '8293' }),
      aRoute('10.100.0.0/16', { type: 'unreachable', table: '8293' }),
    ]
    assert.deepEqual(judgePlace(aPlace(), withRoutes(...ours)), fine('10.100.0.0/16'))
    const late = aRoute('10.0.0.0/8', { dev: 'tun9', table: '77' })
    assert.match(warningOf(aPlace(), withRoutes(...ours, late)), /10\.0\.0\.0\/8 dev tun9/)
    assert.notEqual(judgePlace(aPlace(), withRoutes(late)).refusal, undefined)
  })

  it('takes no range in silence that has an address in common with a network in use here', () => {
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
          const route = aRoute(masked(inside, other))
          const place = aPlace({ meshRanges: [formatCidr(range)], meshIp: formatIpv4(range.first) })
          const { refusal, warnings } = judgePlace(place, { ...machine, routes: [route] })
          const isSmaller = other > length && masked(inside, other) !== masked(range.first, other)
          assert.ok(refusal !== undefined || (isSmaller && warnings.length > 0))
          assert.ok(cidrContains(range, inside))
        },
      ),
    )
  })
})

function withRoutes(...more: readonly LocalRoute[]): Routing {
  return { ...machine, routes: [...machine.routes, ...more] }
}

describe('judgePlace of several ranges', () => {
  const two = ['10.100.0.0/16', '10.101.0.0/16']
  const lan = aRoute('10.101.0.0/16', { dev: 'eth1' })

  it('accepts each range that is not in use, for an address in any of them', () => {
    for (const meshIp of ['10.100.0.1', '10.101.0.1']) {
      const verdict = judgePlace(aPlace({ meshRanges: two, meshIp }), machine)
      assert.deepEqual(verdict.ranges, two)
      assert.deepEqual(verdict.warnings, [])
    }
  })

  it('leaves out the one that overlaps a network of the machine, and goes on with the others', () => {
    const verdict = judgePlace(aPlace({ meshRanges: two }), withRoutes(lan))
    assert.deepEqual(verdict.ranges, ['10.100.0.0/16'])
    assert.equal(verdict.refusal, undefined)
    assert.deepEqual(verdict.warnings, [
      'a part of the mesh is refused, and no peer with an address in it is reached: its range 10.101.0.0/16 overlaps the route 10.101.0.0/16 dev eth1 of this machine: remove that, or name all of 10.100.0.0/16, 10.101.0.0/16 as "mesh.range" in the config to take it nevertheless',
    ])
  })

  it('refuses all if the one of its own address overlaps', () => {
    const place = aPlace({ meshRanges: two, meshIp: '10.101.0.1' })
    const verdict = judgePlace(place, withRoutes(lan))
    assert.deepEqual(verdict.ranges, [])
    assert.match(verdict.refusal ?? '', /10\.101\.0\.0\/16 dev eth1/)
  })

  it('uses those of several that the config names', () => {
    const both = judgePlace(aPlace({ meshRanges: two, pinned: two }), withRoutes(lan))
    assert.deepEqual(both, { ranges: two, warnings: [] })
    const first = judgePlace(aPlace({ meshRanges: two, pinned: ['10.100.0.0/16'] }), machine)
    assert.deepEqual(first.ranges, ['10.100.0.0/16'])
    assert.match(first.warnings.join(), /10\.101\.0\.0\/16, and "mesh\.range" .* 10\.100\.0\.0\/16/)
  })

  it('leaves out what is no range, what no mesh can have, and what overlaps another one', () => {
    const meshRanges = ['10.100.0.0/16', 'x', '127.0.0.0/8', '10.100.7.0/24', '10.0.0.0/8']
    const { ranges, warnings } = judgePlace(aPlace({ meshRanges }), machine)
    assert.deepEqual(ranges, ['10.100.0.0/16'])
    assert.equal(warnings.length, 4)
    assert.match(
      warnings.join('\n'),
      /"x" is none\n.*loopback\n.*10\.100\.7\.0\/24 overlaps its range/,
    )
  })

  it('says which ranges its address is outside of', () => {
    const { refusal = '' } = judgePlace(aPlace({ meshRanges: two, meshIp: '10.9.0.1' }), machine)
    assert.match(
      refusal,
      /10\.9\.0\.1, lies outside its ranges 10\.100\.0\.0\/16, 10\.101\.0\.0\/16/,
    )
  })
})

function fine(...ranges: string[]): PlaceVerdict {
  return { ranges, warnings: [] }
}

function warningOf(place: PlannedPlace, all: Routing): string {
  const { refusal, warnings } = judgePlace(place, all)
  return refusal ?? warnings.join('\n')
}

function aRoute(dst: string, changes: Partial<LocalRoute> = {}): LocalRoute {
  const network = readRange(dst)
  return { type: 'unicast', dst, network, gateways: [], table: 'main', ...changes }
}

function masked(address: number, prefixLength: number): string {
  return formatCidr(networkAround(address, prefixLength))
}

function aPlace(changes: Partial<PlannedPlace> = {}): PlannedPlace {
  return {
    meshIp: '10.100.0.1',
    meshRanges: ['10.100.0.0/16'],
    pinned: undefined,
    interfaceName: 'plexd0',
    ...changes,
  }
}
