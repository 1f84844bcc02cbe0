import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCidr } from '@plexd/protocol'
import { findShutChains, findUntracking } from './host-firewall.ts'
import { type Expression, parseRuleset } from './nft-json.ts'
import { parseTables } from './read-others.ts'

const traffic = {
  interface: 'plexd0',
  wireguardPort: 51_820,
  meshRanges: [parseCidr('10.100.0.0/16')],
  uplink: 'eth0',
}
const established = matches({ ct: { key: 'state' } }, ['established', 'related'])
const accept = { accept: null }
const drop = { drop: null }
const meshAdmitted = [named('iifname', 'plexd0'), accept]
const portAdmitted = [dport('udp', 51_820), accept]

describe('findShutChains', () => {
  it('finds nothing where all is accepted that nobody drops', () => {
    assert.deepEqual(shut({ policy: 'accept', rules: [[dport('tcp', 22), drop]] }), [])
  })

  it('names a chain that drops what nobody admits, for interface and port', () => {
    const found = shut({ policy: 'drop', rules: [[established, accept]] })
    assert.deepEqual(found, [
      'nft insert rule inet filter input iifname "plexd0" accept',
      'nft insert rule inet filter input udp dport 51820 accept',
    ])
    assert.deepEqual(shut({ policy: 'drop', rules: [meshAdmitted] }), found.slice(1))
    assert.deepEqual(shut({ policy: 'drop', rules: [portAdmitted] }), found.slice(0, 1))
    assert.deepEqual(shut({ policy: 'drop', rules: [meshAdmitted, portAdmitted] }), [])
  })

  for (const [what, rule, count] of [
    ['a set of interfaces', [named('iifname', { set: ['lo', 'plexd0'] }), accept], 1],
    ['a pattern of interfaces', [named('iifname', 'plexd*'), accept], 1],
    ['all interfaces but one', [matches(meta('iifname'), 'eth0', '!='), accept], 1],
    ['the range of the mesh', [saddr('10.0.0.0', 8), accept], 1],
    ['a part of the range of the mesh', [saddr('10.100.1.0', 24), accept], 2],
    ['a range of ports', [dport('udp', { range: [50_000, 60_000] }), accept], 1],
    ['a port of TCP', [dport('tcp', 51_820), accept], 2],
    ['one interface on which WireGuard is heard', [named('iifname', 'eth0'), ...portAdmitted], 1],
    ['what only xtables knows', [{ xt: null }, accept], 2],
    ['all of the mesh but what a rate limits', [named('iifname', 'plexd0'), limit(), accept], 1],
    ['all', [accept], 0],
  ] as const)
    it(`takes ${what} for what it is`, () => {
      assert.equal(shut({ policy: 'drop', rules: [rule] }).length, count)
    })

  it('follows jumps and verdict maps, and comes back from them', () => {
    const jump = (target: string) => ({ jump: { target } })
    const chains = { 'mesh-in': [[accept]], nothing: [[dport('tcp', 22), accept]] }
    const byMap = { vmap: { key: meta('iifname'), data: { set: [['plexd0', jump('mesh-in')]] } } }
    const rules = [[jump('nothing')], portAdmitted]
    assert.equal(shut({ policy: 'drop', rules, chains }).length, 1)
    assert.deepEqual(shut({ policy: 'drop', rules: [...rules, [byMap]], chains }), [])
    const toItself = { loop: [[jump('loop')]] }
    assert.equal(shut({ policy: 'drop', rules: [[jump('loop')]], chains: toItself }).length, 2)
  })

  it('takes nothing for shut behind a rule by which packets may leave the chain', () => {
    // As ufw drops what is not for this machine, before it comes to what its user admits.
    const isLocal = matches({ fib: { result: 'type', flags: ['daddr'] } }, 'local')
    const chains = { 'not-local': [[isLocal, { return: null }], [drop]] }
    const rules = [[{ jump: { target: 'not-local' } }], meshAdmitted, portAdmitted]
    assert.deepEqual(shut({ policy: 'drop', rules, chains }), [])
    assert.equal(shut({ policy: 'drop', rules: rules.slice(0, 1), chains }).length, 2)
    const elsewhere = { goto: { target: 'not-local' } }
    assert.deepEqual(shut({ policy: 'accept', rules: [[isLocal, elsewhere], [drop]], chains }), [])
  })

  it('sees a rule at the end that rejects all, as of firewalld, and says what to tell it', () => {
    const found = shut({
      table: 'firewalld',
      name: 'filter_INPUT',
      policy: 'accept',
      rules: [[established, accept], [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }]],
    })
    assert.deepEqual(found, [
      'firewall-cmd --permanent --zone=trusted --add-interface=plexd0 && firewall-cmd --reload',
      'firewall-cmd --permanent --add-port=51820/udp && firewall-cmd --reload',
    ])
  })

  it('names a chain that lets nothing out, for interface and port', () => {
    const out = (...rules: (readonly Expression[])[]): string[] =>
      shut({ name: 'out', hook: 'output', policy: 'drop', rules })
    const control = [daddr('203.0.113.1', 32), accept]
    const found = out([named('oifname', 'lo'), accept], control)
    assert.deepEqual(found, [
      'nft insert rule inet filter out oifname "plexd0" accept',
      'nft insert rule inet filter out udp sport 51820 accept',
    ])
    const meshOut = [named('oifname', 'plexd0'), accept]
    assert.deepEqual(out(meshOut), found.slice(1))
    assert.deepEqual(out([daddr('10.0.0.0', 8), accept]), found.slice(1))
    assert.deepEqual(out([named('oifname', 'eth0'), accept]), found.slice(0, 1))
    assert.deepEqual(out([named('oifname', 'eth1'), accept]), found)
    const sport = matches({ payload: { protocol: 'udp', field: 'sport' } }, 51_820)
    for (const port of [sport, dport('udp', 51_820)])
      assert.deepEqual(out(meshOut, [port, accept]), [])
  })

  it('says what to tell iptables', () => {
    assert.deepEqual(shut({ family: 'ip', name: 'INPUT', policy: 'drop', rules: [] }), [
      'iptables -I INPUT -i plexd0 -j ACCEPT',
      'iptables -I INPUT -p udp --dport 51820 -j ACCEPT',
    ])
  })
})

describe('findUntracking', () => {
  it('finds what is not tracked of the mesh, and not what is of something else', () => {
    const remedy = 'nft insert rule ip raw prerouting iifname "plexd0" accept'
    const untracking = (...rule: Expression[]): string[] =>
      findUntracking(listing({ ...raw, rules: [[...rule, { notrack: null }]] }), traffic).map(
        (obstacle) => obstacle.remedy,
      )
    assert.deepEqual(untracking(), [remedy])
    assert.deepEqual(untracking(dport('tcp', 80)), [remedy])
    assert.deepEqual(untracking(named('iifname', 'eth0')), [])
    assert.deepEqual(untracking(saddr('192.168.0.0', 16)), [])
  })

  it('finds nothing behind a rule that lets the mesh go by', () => {
    const rules = [meshAdmitted, [{ notrack: null }]]
    assert.deepEqual(findUntracking(listing({ ...raw, rules }), traffic), [])
  })
})

const raw = { family: 'ip', table: 'raw', name: 'prerouting', hook: 'prerouting', policy: 'accept' }

interface Listed {
  family?: string
  table?: string
  name?: string
  hook?: string
  policy: string
  rules: readonly (readonly Expression[])[]
  chains?: Record<string, readonly (readonly Expression[])[]>
}

function shut(listed: Listed): string[] {
  return findShutChains(listing(listed), traffic).map(({ remedy }) => remedy)
}

/** As nft would list it. */
function listing({ chains = {}, rules, policy, ...listed }: Listed) {
  const { family = 'inet', table = 'filter', name = 'input', hook = 'input' } = listed
  const rulesOf = (chain: string, of: readonly (readonly Expression[])[]): object[] =>
    of.map((expr) => ({ rule: { family, table, chain, expr } }))
  const nftables = [
    { chain: { family, table, name, hook, policy } },
    ...Object.keys(chains).map((other) => ({ chain: { family, table, name: other } })),
    ...rulesOf(name, rules),
    ...Object.entries(chains).flatMap(([other, of]) => rulesOf(other, of)),
  ]
  return parseRuleset(JSON.stringify({ nftables }))
}

function matches(left: unknown, right: unknown, op = '=='): Expression {
  return { match: { op, left, right } }
}

function meta(key: string): unknown {
  return { meta: { key } }
}

function named(key: string, right: unknown): Expression {
  return matches(meta(key), right)
}

function dport(protocol: string, right: unknown): Expression {
  return matches({ payload: { protocol, field: 'dport' } }, right)
}

function saddr(addr: string, len: number): Expression {
  return matches({ payload: { protocol: 'ip', field: 'saddr' } }, { prefix: { addr, len } })
}

function daddr(addr: string, len: number): Expression {
  return matches({ payload: { protocol: 'ip', field: 'daddr' } }, { prefix: { addr, len } })
}

function limit(): Expression {
  return { limit: { rate: 10, per: 'second' } }
}

it('reads the tables of others, not our own nor those of IPv6', () => {
  const text =
    'table ip filter\ntable ip6 filter\ntable inet plexd\ntable inet plexd_backstop_ab\ntable inet plex\n'
  assert.deepEqual(parseTables(text), [
    ['ip', 'filter'],
    ['inet', 'plex'],
  ])
})
