import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cidrContains, formatCidr, formatIpv4, parseCidr, parseIpv4 } from '@plexd/protocol'
import fc from 'fast-check'
import { exceptionsIn, withoutPeers } from './exceptions.ts'
import type { LocalRoute, RoutingRule } from './tables/local-routes.ts'
import { networkAround, readRange } from './tables/networks.ts'

const range = parseCidr('10.100.0.0/16')
/** Of the mesh. */
const rule = { ...aRule(40, '8293'), selector: 'not fwmark 0xe4/0xffff', takes: undefined }
/** As every machine has it. */
const toMain = aRule(32_766, 'main')

describe('withoutPeers', () => {
  const left = (dst: string, peers: string[], controlAddresses: string[] = []): string[] =>
    withoutPeers([{ dst, what: 'a route' }], peers, {
      rules: [toMain],
      routes: [aRoute('default', { gateways: ['10.100.0.9'] })],
      controlAddresses,
    }).map((exception) => exception.dst)

  it('drops a route to a peer, and keeps the rest of a network around one', () => {
    assert.deepEqual(left('10.100.0.2', ['10.100.0.2']), [])
    assert.deepEqual(left('10.100.0.0/30', ['10.100.0.2']), ['10.100.0.0/31', '10.100.0.3'])
    assert.deepEqual(left('10.100.7.0/24', ['10.100.0.2']), ['10.100.7.0/24'])
    assert.deepEqual(left('10.100.0.0/31', ['10.100.0.0', '10.100.0.1']), [])
  })

  it('keeps the routes that the machine needs', () => {
    assert.deepEqual(left('10.100.0.9', ['10.100.0.9']), ['10.100.0.9'])
    assert.deepEqual(left('10.100.0.7', ['10.100.0.7'], ['10.100.0.7']), ['10.100.0.7'])
  })
})

describe('exceptionsIn', () => {
  it('leaves to the machine its smaller networks, gateways and the control plane', () => {
    const routes = [
      aRoute('default', { dev: 'eth0', gateways: ['10.100.8.1'] }),
      aRoute('10.100.8.0/24', { dev: 'eth0' }),
      aRoute('10.100.8.7', { dev: 'eth1' }),
      aRoute('172.16.0.0/12', { gateways: ['10.100.5.1'] }),
      aRoute('10.100.7.1', { type: 'local', dev: 'br0', table: 'local' }),
      aRoute('10.100.6.0/24', { type: 'blackhole', table: '77' }),
      aRoute('10.0.0.0/8', { dev: 'tun9' }),
      aRoute('10.100.0.0/16', { type: 'unreachable', table: '8293' }),
      aRoute('10.100.0.0/16', { dev: 'plexd0', table: '8293' }),
    ]

    assert.deepEqual(
      exceptionsIn(range, 'plexd0', {
        rules: [rule, aRule(77, '77'), toMain],
        routes,
        controlAddresses: ['10.100.9.9', '203.0.113.1'],
      }),
      [
        { dst: '10.100.8.0/24', what: 'the route 10.100.8.0/24 dev eth0' },
        { dst: '10.100.6.0/24', what: 'the route blackhole 10.100.6.0/24' },
        { dst: '10.100.5.1', what: 'the gateway of 172.16.0.0/12' },
        { dst: '10.100.9.9', what: 'the address of the control plane' },
      ],
    )
  })

  for (const [what, rules, routes] of [
    ['a table that no rule leads to', [toMain], [aRoute('10.100.8.0/24', { table: '77' })]],
    [
      'a table of a VRF',
      [{ ...aRule(1_000, ''), takes: undefined }, toMain],
      [aRoute('10.100.8.0/24', { dev: 'red', table: '77', gateways: ['10.100.8.1'] })],
    ],
    [
      'a table to which marked packets are led',
      [{ ...aRule(100, '77'), takes: undefined }, toMain],
      [aRoute('10.100.8.0/24', { table: '77' })],
    ],
    [
      'a table that packets for other networks are led to',
      [{ ...aRule(100, '77'), takes: parseCidr('10.100.9.0/24') }, toMain],
      [aRoute('10.100.8.0/24', { table: '77' })],
    ],
    [
      'a table behind one whose default route takes all',
      [aRule(100, '77'), toMain],
      [aRoute('default', { table: '77' }), aRoute('10.100.8.0/24')],
    ],
  ] as const)
    it(`leaves nothing to ${what}, for there packets would find no such route, and leave in clear`, () => {
      const routing = { rules: [rule, ...rules], routes: [aRoute('default'), ...routes] }
      assert.deepEqual(exceptionsIn(range, 'plexd0', { ...routing, controlAddresses: [] }), [])
    })

  for (const [what, rules, routes] of [
    [
      'a table that its packets are led to',
      [{ ...aRule(100, '77'), takes: parseCidr('10.100.8.0/22') }, toMain],
      [aRoute('10.100.8.0/24', { table: '77' })],
    ],
    [
      'a table behind one whose default route is passed over',
      [{ ...aRule(100, '77'), passesOver: 0 }, toMain],
      [aRoute('default', { table: '77' }), aRoute('10.100.8.0/24')],
    ],
    [
      'a table behind one that throws them out',
      [aRule(100, '77'), toMain],
      [aRoute('10.100.0.0/16', { type: 'throw', table: '77' }), aRoute('10.100.8.0/24')],
    ],
  ] as const)
    it(`leaves a network to ${what}`, () => {
      const routing = { rules: [rule, ...rules], routes: [aRoute('default'), ...routes] }
      assert.deepEqual(
        exceptionsIn(range, 'plexd0', { ...routing, controlAddresses: [] }).map(({ dst }) => dst),
        ['10.100.8.0/24'],
      )
    })

  it('leaves to the machine a gateway that is in no network, as clouds have it', () => {
    const routes = [aRoute('default', { dev: 'eth0', gateways: ['10.100.8.1'] })]
    assert.deepEqual(
      exceptionsIn(range, 'plexd0', { rules: [rule, toMain], routes, controlAddresses: [] }),
      [{ dst: '10.100.8.1', what: 'the gateway of default dev eth0' }],
    )
  })

  it('never takes away what lies outside the range, or all of it', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 0, max: 32 }), (at, prefixLength) => {
        const dst = formatCidr(networkAround(at, prefixLength))
        const controlAddresses = [formatIpv4(at)]
        const routing = { rules: [toMain], routes: [aRoute(dst)] }
        const found = exceptionsIn(range, 'plexd0', { ...routing, controlAddresses })
        for (const exception of found) {
          const network = parseCidr(exception.dst)
          assert.ok(cidrContains(range, network.first) && network.prefixLength > 16)
        }
        assert.equal(found.length > 0, cidrContains(range, parseIpv4(formatIpv4(at))))
      }),
    )
  })
})

function aRule(priority: number, table: string): RoutingRule {
  return { priority, table, selector: '', takes: parseCidr('0.0.0.0/0') }
}

function aRoute(dst: string, changes: Partial<LocalRoute> = {}): LocalRoute {
  const network = readRange(dst)
  return { type: 'unicast', dst, network, gateways: [], table: 'main', ...changes }
}
