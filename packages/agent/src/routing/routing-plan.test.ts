import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cidrContains, formatCidr, formatIpv4, parseCidr, parseIpv4 } from '@plexd/protocol'
import fc from 'fast-check'
import { exceptionsIn, withoutPeers } from './exceptions.ts'
import type { LocalRoute, Routing, RoutingRule } from './local-routes.ts'
import { networkAround, readRange } from './networks.ts'
import { planRouting, planRoutingRemoval, type WantedRouting } from './routing-plan.ts'

const range = parseCidr('10.100.0.0/16')
const rule = {
  priority: 40,
  table: '8293',
  selector: 'not fwmark 0xe4/0xffff',
  takes: undefined,
}
/** As every machine has it. */
const toMain = aRule(32_766, 'main')
const asWanted: Routing = {
  rules: [rule],
  routes: [
    aRoute('10.100.0.0/16', { type: 'unreachable', table: '8293' }),
    aRoute('10.100.0.0/16', { dev: 'plexd0', table: '8293' }),
  ],
}

describe('planRouting', () => {
  it('changes nothing that is as wanted', () => {
    assert.deepEqual(commands({}, asWanted), [])
  })

  it('creates everything, even before there is an interface', () => {
    const exceptions = [{ dst: '10.100.9.9', what: 'the address of the control plane' }]

    assert.deepEqual(commands({ exceptions }, { rules: [], routes: [] }), [
      'route replace unreachable 10.100.0.0/16 metric 1000 table 8293',
      'route replace throw 10.100.9.9 table 8293',
      'rule add not fwmark 0xe4/0xffff lookup 8293 priority 40',
    ])
  })

  it('adds the route to an interface that already carries packets before the rule takes effect', () => {
    const inMain = aRoute('10.100.0.0/16', { dev: 'plexd0' })

    assert.deepEqual(commands({}, { rules: [], routes: [inMain] }), [
      'route replace 10.100.0.0/16 dev plexd0 table 8293',
      'route replace unreachable 10.100.0.0/16 metric 1000 table 8293',
      'rule add not fwmark 0xe4/0xffff lookup 8293 priority 40',
    ])
    assert.deepEqual(commands({}, { ...asWanted, routes: [...asWanted.routes, inMain] }), [])
    assert.deepEqual(commands({}, { ...asWanted, routes: asWanted.routes.slice(0, 1) }), [])
  })

  it('holds back each of several ranges, and nothing of a former one', () => {
    const ranges = ['10.100.0.0/16', '10.101.0.0/16'].map(parseCidr)
    const second = aRoute('10.101.0.0/16', { type: 'unreachable', table: '8293' })
    const both = { ...asWanted, routes: [...asWanted.routes, second] }

    assert.deepEqual(commands({ ranges }, asWanted), [
      'route replace unreachable 10.101.0.0/16 metric 1000 table 8293',
    ])
    assert.deepEqual(commands({ ranges }, both), [])
    assert.deepEqual(commands({}, both), ['route delete unreachable 10.101.0.0/16 table 8293'])
  })

  it('takes away what an earlier range, rule or control plane has left', () => {
    const old: Routing = {
      rules: [rule, { ...rule, priority: 90 }, aRule(41, '8293')],
      routes: [
        ...asWanted.routes,
        aRoute('10.99.0.0/16', { type: 'unreachable', table: '8293' }),
        aRoute('10.100.9.9', { type: 'throw', table: '8293' }),
      ],
    }

    assert.deepEqual(commands({}, old), [
      'route delete unreachable 10.99.0.0/16 table 8293',
      'route delete throw 10.100.9.9 table 8293',
      'rule delete not fwmark 0xe4/0xffff lookup 8293 priority 90',
      'rule delete lookup 8293 priority 41',
    ])
  })

  it('keeps what may be the way to the control plane until it is known where that is', () => {
    const exception = aRoute('10.100.9.9', { type: 'throw', table: '8293' })
    const routing = { ...asWanted, routes: [...asWanted.routes, exception] }

    assert.deepEqual(commands({ isComplete: false }, routing), [])
  })

  it("does not touch another plexd's routes in the table", () => {
    const other = [
      aRoute('10.99.0.0/16', { dev: 'plexd9', table: '8293' }),
      aRoute('10.99.0.0/16', { type: 'unreachable', table: '8293' }),
      aRoute('10.99.3.0/24', { type: 'throw', table: '8293' }),
    ]
    const routing = { ...asWanted, routes: [...asWanted.routes, ...other] }

    assert.deepEqual(commands({}, routing), [])
    assert.deepEqual(planRoutingRemoval('plexd0', routing), [
      'route delete unreachable 10.100.0.0/16 table 8293',
      'route delete unicast 10.100.0.0/16 table 8293',
    ])
  })

  it('is removed completely', () => {
    assert.deepEqual(planRoutingRemoval('plexd0', asWanted), [
      'rule delete not fwmark 0xe4/0xffff lookup 8293 priority 40',
      'route delete unreachable 10.100.0.0/16 table 8293',
      'route delete unicast 10.100.0.0/16 table 8293',
    ])
    assert.deepEqual(planRoutingRemoval('plexd0', { rules: [], routes: [] }), [])
  })
})

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
      ...asWanted.routes,
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

function commands(changes: Partial<WantedRouting>, routing: Routing): string[] {
  const wanted = {
    ranges: [range],
    interfaceName: 'plexd0',
    exceptions: [],
    isComplete: true,
    ...changes,
  }
  return planRouting(wanted, routing).map(({ command }) => command)
}

function aRule(priority: number, table: string): RoutingRule {
  return { priority, table, selector: '', takes: parseCidr('0.0.0.0/0') }
}

function aRoute(dst: string, changes: Partial<LocalRoute> = {}): LocalRoute {
  const network = readRange(dst)
  return { type: 'unicast', dst, network, gateways: [], table: 'main', ...changes }
}
