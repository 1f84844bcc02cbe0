import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PolicyRule, parseCidr } from '@plexd/protocol'
import { aNode } from '../../testing/node-record.ts'
import { policyWarnings } from './warnings.ts'

const ranges = [parseCidr('10.100.0.0/16')]
const nodes = [
  aNode(1, { hostname: 'web-01', labels: { role: 'web' } }),
  aNode(2, { hostname: 'db-01', labels: { role: 'db', env: 'prod' } }),
]
const rule = (from: string, to: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  from,
  to,
  action: 'allow',
  ...more,
})
const deny = (from: string, to: string): PolicyRule => rule(from, to, { action: 'deny' })

const warningsOf = (rules: PolicyRule[], earlier: PolicyRule[] = [], mesh = { ranges, nodes }) =>
  policyWarnings('pol_own', {
    mesh,
    policies: [
      { id: 'pol_first', name: 'first', rules: earlier },
      { id: 'pol_own', name: 'own', rules },
      { id: 'pol_last', name: 'allow-all', rules: [rule('*', '*')] },
    ],
    removed: new Map([['n_left', 'web-09']]),
  })

describe('policyWarnings', () => {
  it('has nothing to say of rules that do something', () => {
    const rules = [
      rule('role=web', 'role in (db,cache)', { port: 5432, protocol: 'tcp' }),
      deny('node:web-01', 'n_2'),
      rule('10.100.0.0/30', '!gpu'),
      rule('*', '*', { protocol: 'icmp' }),
    ]
    assert.deepEqual(warningsOf(rules), [])
  })

  const nobody: [side: string, why: string][] = [
    ['rloe=web', 'it matches no node: no node has the label "rloe": did you mean "role"?'],
    ['role=wbe', 'it matches no node: no node has "role=wbe": did you mean "web"?'],
    ['team=red', 'it matches no node: no node has the label "team"'],
    ['web-1', 'it matches no node: no node has the label "web-1": did you mean "node:web-01"?'],
    ['role=web,env=prod', 'it matches no node'],
    ['node:web-1', 'no node is called so: did you mean "node:web-01"?'],
    ['n_left', 'that node, "web-09", was removed'],
    ['n_nobody', 'there is no such node'],
    ['10.100.9.0/24', 'no node has an address in it'],
  ]
  for (const [side, why] of nobody)
    it(`says why "${side}" is nobody`, () =>
      assert.deepEqual(warningsOf([deny(side, '*')]), [`rule 0: from "${side}": ${why}`]))

  it('says that a name stands for two nodes', () => {
    const twice = { ranges, nodes: [...nodes, aNode(3, { hostname: 'Web-01' })] }
    assert.deepEqual(warningsOf([deny('*', 'node:web-01')], [], twice), [
      'rule 0: to "node:web-01": more than one node is called so: rename them',
    ])
  })

  it('names the rule that leaves nothing to another', () => {
    assert.deepEqual(warningsOf([rule('role=web', 'role=db')], [deny('*', '*')]), [
      'rule 0: it does nothing, because rule 0 of "first" comes first and denies all of it',
    ])
    const own = [rule('role=web', '*'), deny('n_1', '*'), rule('env=prod,role=db', '10.100.0.1')]
    assert.deepEqual(
      warningsOf([...own, deny('role=web,role', 'role=db')], [rule('role', 'n_1')]),
      ['rule 3: it does nothing, because rule 0 of "own" comes first and allows all of it'],
    )
  })

  it('takes no rule for one that does nothing where a port, a protocol or a node is left', () => {
    const earlier = [
      rule('*', '*', { action: 'deny', protocol: 'tcp', port: 22 }),
      rule('*', '*', { action: 'deny', protocol: 'udp' }),
      deny('10.100.0.0/24', '*'),
      deny('role=web,env=dev', '*'),
    ]
    const rules = [
      rule('role=web', '*', { protocol: 'tcp' }),
      rule('*', '*', { port: 22 }),
      rule('10.100.0.0/23', '*'),
    ]
    assert.deepEqual(warningsOf(rules, earlier), [])
  })
})
