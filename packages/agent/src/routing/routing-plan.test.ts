import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCidr } from '@plexd/protocol'
import { planRouting, planRoutingRemoval, type WantedRouting } from './routing-plan.ts'
import type { LocalRoute, Routing, RoutingRule } from './tables/local-routes.ts'
import { readRange } from './tables/networks.ts'

const range = parseCidr('10.100.0.0/16')
const rule = {
  priority: 40,
  table: '8293',
  selector: 'not fwmark 0xe4/0xffff',
  takes: undefined,
}
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
