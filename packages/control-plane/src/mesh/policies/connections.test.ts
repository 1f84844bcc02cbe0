import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PolicyRule, parseCidr, parseIpv4 } from '@plexd/protocol'
import fc from 'fast-check'
import { aNode } from '../../testing/node-record.ts'
import { type MeshNode, sideHas } from '../rule-side.ts'
import { type MeshPolicy, rulesOf } from '../tenant-mesh.ts'
import { comparePairs } from './connections.ts'

const ranges = [parseCidr('10.100.0.0/16')]
const all: PolicyRule = { from: '*', to: '*', action: 'allow' }
const aPolicy = (rules: PolicyRule[]): MeshPolicy => ({ id: 'pol_1', rules })

describe('comparePairs', () => {
  const nodes = Array.from({ length: 1_000 }, (_, no) =>
    aNode(no, { labels: { role: no < 100 ? 'web' : 'db' } }),
  )
  const compare = (before: PolicyRule[], after: PolicyRule[]) =>
    comparePairs({ ranges, nodes }, { before: [aPolicy(before)], after: [aPolicy(after)] })

  it('counts what a mesh loses with its only rule', () => {
    assert.deepEqual(compare([all], []), { gained: 0, lost: 499_500 })
  })

  it('counts what a deny in front of it takes, unless it leaves a port', () => {
    const deny: PolicyRule = { from: 'role=web', to: 'role=web', action: 'deny' }
    assert.deepEqual(compare([all], [deny, all]), { gained: 0, lost: 4_950 })
    assert.deepEqual(compare([all], [{ ...deny, protocol: 'tcp' }, all]), { gained: 0, lost: 0 })
    const ssh = { ...deny, protocol: 'tcp', port: 22 } as const
    assert.deepEqual(compare([{ ...ssh, action: 'allow' }], [ssh, { ...ssh, action: 'allow' }]), {
      gained: 0,
      lost: 4_950,
    })
  })

  it('does not count a mesh in which every node is of another kind', () => {
    const rules = nodes.map(({ id }): PolicyRule => ({ from: id, to: '*', action: 'allow' }))
    assert.equal(compare(rules, []), undefined)
  })

  it('agrees with asking for every pair', () => {
    const side = fc.constantFrom('*', 'env=prod', 'role!=db', 'n_1', 'node:node-2', '10.100.0.2/31')
    const rules = fc.array(
      fc.record({
        from: side,
        to: side,
        action: fc.constantFrom('allow' as const, 'deny' as const),
      }),
      { maxLength: 4 },
    )
    const labels = fc.record(
      { env: fc.constantFrom('prod', 'dev'), role: fc.constantFrom('web', 'db') },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 5 }), rules, rules, (fleet, before, after) => {
        const nodes = fleet.map((own, no) => aNode(no, { labels: own }))
        const [was, is] = [before, after].map((list) => joined(nodes, list))
        const change = comparePairs(
          { ranges, nodes },
          { before: [aPolicy(before)], after: [aPolicy(after)] },
        )
        assert.deepEqual(change, {
          gained: is?.difference(was ?? is).size,
          lost: was?.difference(is ?? was).size,
        })
      }),
    )
  })
})

/** Pairs of which the first rule that is about one direction allows it. */
function joined(nodes: readonly MeshNode[], list: PolicyRule[]): Set<string> {
  const rules = rulesOf(aPolicy(list), ranges)
  const lets = (a: MeshNode, b: MeshNode): boolean =>
    rules.find(({ from, to }) => sideHas(from, a) && sideHas(to, b))?.action === 'allow'
  return new Set(
    nodes.flatMap((a) =>
      nodes
        .filter((b) => parseIpv4(a.mesh_ip) < parseIpv4(b.mesh_ip) && (lets(a, b) || lets(b, a)))
        .map((b) => `${a.id} ${b.id}`),
    ),
  )
}
