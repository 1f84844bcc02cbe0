import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { aNode } from '../../testing/node-record.ts'
import type { Fleet, FleetChange } from '../fleet.ts'
import { createFleet } from './fleet-memory.ts'

const change = fc.oneof(
  fc
    .record({
      no: fc.integer({ min: 1, max: 5 }),
      hostname: fc.constantFrom('web', 'db', 'cache'),
      token: fc.nat(3),
      endpoint_untold: fc.boolean(),
    })
    .map(
      ({ no, hostname, token, endpoint_untold }): FleetChange => ({
        type: 'node_put',
        // A hostname and a token belong to one node, as the rows have it.
        node: aNode(no, {
          hostname: `${hostname}-${no}`,
          token_hash: `token-${no}-${token}`,
          endpoint_untold,
        }),
      }),
    ),
  fc.record({
    type: fc.constant('node_removed' as const),
    node: fc.integer({ min: 1, max: 5 }).map((no) => aNode(no)),
    removed_at: fc.nat(1_000),
  }),
  fc.record({ position: fc.nat(4), id: fc.constantFrom('pol_a', 'pol_b') }).map(
    ({ position, id }): FleetChange => ({
      type: 'policy_put',
      policy: { id, tenant_id: 'ten_1', name: id, revision: 1, position, rules: [] },
    }),
  ),
  fc.record({
    type: fc.constant('policy_removed' as const),
    id: fc.constantFrom('pol_a', 'pol_b'),
  }),
)

describe('fleet', () => {
  it('is as it was when changes are taken back in reverse', () => {
    fc.assert(
      fc.property(fc.array(change), fc.array(change), (before, after) => {
        const fleet = createFleet()
        for (const step of before) fleet.apply(step)
        const expected = contentOf(fleet)

        const inverses = after.map((step) => fleet.apply(step))
        for (const inverse of inverses.toReversed()) if (inverse) fleet.apply(inverse)

        assert.deepEqual(contentOf(fleet), expected)
      }),
    )
  })

  it('names the nodes that have an endpoint to be told', () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const fleet = createFleet()
        for (const step of changes) fleet.apply(step)
        const { nodes, untold } = contentOf(fleet)
        assert.deepEqual(
          untold,
          nodes.filter((node) => node.endpoint_untold),
        )
      }),
    )
  })

  it('finds a node by each of its names, and by none that it has no longer', () => {
    const fleet = createFleet()
    fleet.apply({ type: 'node_put', node: aNode(1, { hostname: 'web', token_hash: 'old' }) })
    fleet.apply({ type: 'node_put', node: aNode(1, { hostname: 'www', token_hash: 'new' }) })

    assert.equal(fleet.nodesByHostname('ten_1', 'www')[0]?.id, 'n_1')
    assert.deepEqual(fleet.nodesByHostname('ten_1', 'web'), [])
    assert.deepEqual(fleet.nodesByHostname('ten_2', 'www'), [])
    assert.equal(fleet.nodeByTokenHash('new')?.id, 'n_1')
    assert.equal(fleet.nodeByTokenHash('old'), undefined)
    assert.equal(fleet.nodeByTokenHash('nsk-1')?.id, 'n_1')
    assert.equal(fleet.nodeByMeshIp('ten_1', '10.100.0.1')?.id, 'n_1')
    assert.equal(fleet.nodeByPublicKey('ten_1', 'key-1')?.id, 'n_1')
    assert.equal(fleet.nodeByNo(1)?.id, 'n_1')
  })

  it('remembers for a day who has left', () => {
    const fleet = createFleet()
    const day = 24 * 3_600_000
    for (const no of [1, 2, 3]) fleet.apply({ type: 'node_put', node: aNode(no) })

    fleet.apply({ type: 'node_removed', node: aNode(1), removed_at: 1_000 })
    fleet.apply({ type: 'node_removed', node: aNode(2), removed_at: 2_000 })
    assert.equal(fleet.nodeByTokenHash('token-1'), undefined)
    assert.equal(fleet.departedByTokenHash('token-1')?.node.id, 'n_1')
    assert.equal(fleet.departedByTokenHash('nsk-1')?.removed_at, 1_000)

    fleet.apply({ type: 'node_removed', node: aNode(3), removed_at: 1_500 + day })
    assert.equal(fleet.departedByTokenHash('token-1'), undefined)
    assert.equal(fleet.departedByTokenHash('token-2')?.node.id, 'n_2')
  })

  it('gives the policies of a tenant in the order they apply', () => {
    const fleet = createFleet()
    for (const [id, position] of [
      ['pol_last', 3],
      ['pol_first', 1],
      ['pol_middle', 2],
    ] as const)
      fleet.apply({
        type: 'policy_put',
        policy: { id, tenant_id: 'ten_1', name: id, revision: 1, position, rules: [] },
      })
    assert.deepEqual(
      fleet.policies('ten_1').map(({ id }) => id),
      ['pol_first', 'pol_middle', 'pol_last'],
    )
  })
})

function contentOf(fleet: Fleet) {
  const names = [1, 2, 3, 4, 5].flatMap((no) => [
    ...['web', 'db', 'cache'].map((name) => fleet.nodesByHostname('ten_1', `${name}-${no}`)[0]?.id),
    ...[0, 1, 2, 3].map((token) => fleet.nodeByTokenHash(`token-${no}-${token}`)?.id),
    fleet.nodeByTokenHash(`nsk-${no}`)?.id,
    fleet.nodeByNo(no),
  ])
  return {
    nodes: [...fleet.nodes('ten_1')].toSorted((a, b) => a.no - b.no),
    names,
    untold: [...fleet.untoldNodes()].toSorted((a, b) => a.no - b.no),
    policies: fleet.policies('ten_1').toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    count: fleet.nodeCount(),
  }
}
