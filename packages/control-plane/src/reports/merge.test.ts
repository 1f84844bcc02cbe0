import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type HeldReport, mergeReports, type ReportBatch, type ReportedEntry } from './merge.ts'

describe('mergeReports', () => {
  const held = new Map<string, HeldReport>([['k', { version: 3, updated_at: at(3) }]])

  it('puts a new entry and one with a higher version', () => {
    const { put } = mergeReports(held, batch([entry('k', 4, 4), entry('new', 1, 4)]))
    assert.deepEqual(put, [entry('k', 4, 4), entry('new', 1, 4)])
  })

  it('does nothing for an entry that is held already', () => {
    assert.deepEqual(mergeReports(held, batch([entry('k', 3, 3)])), nothing)
  })

  it('takes the last of several entries of a key', () => {
    assert.deepEqual(mergeReports(held, batch([entry('k', 4, 4), entry('k', 5, 5)])).put, [
      entry('k', 5, 5),
    ])
  })

  it('removes a key that is only deleted, and one that is deleted after its last write', () => {
    assert.deepEqual(mergeReports(held, batch([], ['k'])).removed, ['k'])
    assert.deepEqual(mergeReports(held, batch([entry('k', 4, 4)], ['k'])).removed, ['k'])
    assert.deepEqual(mergeReports(held, batch([], ['nobody'])), nothing)
  })

  it('keeps a key that was written again after its deletion', () => {
    assert.deepEqual(mergeReports(held, batch([entry('k', 1, 4)], ['k'])).put, [entry('k', 1, 4)])
    const twice = batch([entry('k', 4, 4), entry('k', 1, 5), entry('k', 1, 6)], ['k', 'k'])
    assert.deepEqual(mergeReports(held, twice).put, [entry('k', 1, 6)])
  })

  it('leaves nothing of a key that came and went', () => {
    assert.deepEqual(mergeReports(new Map(), batch([entry('k', 1, 4)], ['k'])), nothing)
  })

  it('leaves out an entry only when both its version and its time are behind', () => {
    const conflict = { key: 'k', version: 2, held_version: 3 }
    assert.deepEqual(mergeReports(held, batch([entry('k', 2, 2)])).conflicts, [conflict])
    assert.deepEqual(mergeReports(held, batch([entry('k', 1, 9)])).put, [entry('k', 1, 9)])
    assert.deepEqual(mergeReports(held, batch([entry('k', 9, 1)])).put, [entry('k', 9, 1)])
  })

  it('follows any history of a Go node whose batches are answered', () => {
    fc.assert(
      fc.property(histories(0), (steps) => replay(steps)),
      { numRuns: 2_000 },
    )
  })

  it('follows any history of a Go node when it knows which answers were lost', () => {
    fc.assert(
      fc.property(histories(3), (steps) => replay(steps)),
      { numRuns: 2_000 },
    )
  })
})

type Step = { do: 'put' | 'delete'; key: string } | { do: 'sync' | 'sync, answer lost' }

function histories(lossWeight: number): fc.Arbitrary<Step[]> {
  const key = fc.constantFrom('a', 'b')
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), key }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
      {
        weight: lossWeight,
        arbitrary: fc.record({ do: fc.constant('sync, answer lost' as const) }),
      },
    ),
    { maxLength: 30 },
  )
}

/** A Go node beside a control plane; after every answered sync both must hold the same. */
function replay(steps: readonly Step[]): void {
  const node = new Map<string, ReportedEntry>()
  const held = new Map<string, ReportedEntry>()
  let pending: { entries: ReportedEntry[]; deleted: string[] } = { entries: [], deleted: [] }
  let heldBefore: ReadonlySet<string> | undefined
  let tick = 0
  for (const step of steps) {
    if (step.do === 'put') {
      const written = entry(step.key, (node.get(step.key)?.version ?? 0) + 1, ++tick)
      node.set(step.key, written)
      pending.entries.push(written)
    } else if (step.do === 'delete') {
      if (node.delete(step.key)) pending.deleted.push(step.key)
    } else {
      const before = heldBefore ?? new Set(held.keys())
      const { put, removed, conflicts } = mergeReports(held, pending, (key) => before.has(key))
      for (const written of put) held.set(written.key, written)
      for (const key of removed) held.delete(key)
      assert.deepEqual(conflicts, [])
      const answered = step.do === 'sync'
      heldBefore = answered ? undefined : before
      if (answered) {
        pending = { entries: [], deleted: [] }
        assert.deepEqual([...held.values()].sort(byKey), [...node.values()].sort(byKey))
      }
    }
  }
}

const nothing = { put: [], removed: [], conflicts: [] }

function batch(entries: ReportedEntry[], deleted: string[] = []): ReportBatch {
  return { entries, deleted }
}

function entry(key: string, version: number, tick: number): ReportedEntry {
  return {
    key,
    version,
    content_type: 'application/json',
    payload: String(tick),
    updated_at: at(tick),
  }
}

function at(tick: number): string {
  return new Date(Date.UTC(2025, 0, 15, 10, 30, tick)).toISOString()
}

function byKey(a: ReportedEntry, b: ReportedEntry): number {
  return a.key < b.key ? -1 : 1
}
