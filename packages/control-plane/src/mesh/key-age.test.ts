import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aNode } from '../testing/node-record.ts'
import type { NodeRecord } from './fleet.ts'
import { oldKeys } from './key-age.ts'

const day = 24 * 3_600_000
const aged = { maxAgeMs: 100 * day, nowMs: 1_000 * day }

describe('oldKeys', () => {
  it('names none that is younger than nine tenths of the age, and all that are older', () => {
    assert.deepEqual(oldKeys([withKeyOf(89, { id: 'n_young' })], aged), [])
    assert.deepEqual(idsOf(oldKeys([withKeyOf(100, { id: 'n_old' })], aged)), ['n_old'])
  })

  it('spreads keys of one day over the last tenth of their time', () => {
    const nodes = Array.from({ length: 1_000 }, (_, index) => withKeyOf(0, { id: `n_${index}` }))
    const dueAt = (ageDays: number): number =>
      nodes.filter((node) => oldKeys([node], { ...aged, nowMs: aged.nowMs + ageDays * day }).length)
        .length
    assert.equal(dueAt(90), 0)
    for (const days of [1, 3, 5, 7, 9])
      assert.ok(Math.abs(dueAt(90 + days) - days * 100) < 60, `${dueAt(90 + days)} by day ${days}`)
    assert.equal(dueAt(100), 1_000)
  })

  it('names one at a time, in a large tenant one in 1,200, the oldest first', () => {
    const nodes = Array.from({ length: 2_500 }, (_, index) =>
      withKeyOf(200 + index, { id: `n_${index}` }),
    )
    assert.deepEqual(idsOf(oldKeys(nodes, aged)), ['n_2499', 'n_2498'])
    assert.deepEqual(idsOf(oldKeys(nodes.slice(0, 3), aged)), ['n_2'])
  })

  it('leaves alone who is away, has been asked, or cannot do it', () => {
    const changes: Partial<NodeRecord>[] = [
      { status: 'offline' },
      { status: 'unreachable' },
      { status: 'pending' },
      { rotate_keys: true },
      { is_go: true },
    ]
    for (const change of changes)
      assert.deepEqual(oldKeys([withKeyOf(500, { id: 'n_old', ...change })], aged), [])
  })
})

function withKeyOf(ageDays: number, given: Partial<NodeRecord> = {}): NodeRecord {
  return aNode(1, { key_changed_at: aged.nowMs - ageDays * day, ...given })
}

function idsOf(nodes: readonly NodeRecord[]): string[] {
  return nodes.map(({ id }) => id)
}
