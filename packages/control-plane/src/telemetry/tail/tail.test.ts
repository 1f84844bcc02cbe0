import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { createTail, type TailSink } from './tail.ts'

const aRecord = (id: number, record = '{}') => ({
  id,
  node_id: 'n',
  received_at: id * 1_000,
  record,
})

/** A reader that says how it was served. */
function createReader(): TailSink & { seen: unknown[]; open(): void; block(): void } {
  let full: PromiseWithResolvers<void> | undefined
  const seen: unknown[] = []
  return {
    seen,
    block() {
      full = Promise.withResolvers()
    },
    open() {
      full?.resolve()
      full = undefined
    },
    records(records) {
      seen.push(...records.map(({ id }) => id))
      return full?.promise
    },
    skipped(what, id) {
      seen.push([what, id])
      return full?.promise
    },
  }
}

describe('a tail', () => {
  it('hands over what it is offered in order, once it is ready', async () => {
    const reader = createReader()
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    const tail = createTail(reader, { maxRecords: 10, maxBytes: 100, ready })
    for (const id of [1, 2, 3]) tail.offer(aRecord(id))
    // More turns than it takes for one that is ready.
    for (let count = 0; count < 10; count++) await turn()
    assert.deepEqual(reader.seen, [])
    resolve()
    await until('the first three', () => reader.seen.length === 3)
    tail.offer(aRecord(4))
    await until('the fourth', () => reader.seen.length === 4)
    assert.deepEqual(reader.seen, [1, 2, 3, 4])
  })

  for (const [bound, options] of [
    ['records', { maxRecords: 2, maxBytes: 100 }],
    ['bytes', { maxRecords: 100, maxBytes: 4 }],
  ] as const)
    it(`holds some ${bound} for a slow reader, and tells it of the others as one gap`, async () => {
      const reader = createReader()
      const tail = createTail(reader, { ...options, ready: Promise.resolve() })
      reader.block()
      tail.offer(aRecord(1))
      await until('it is blocked', () => reader.seen.length === 1)
      for (const id of [2, 3, 4, 5, 6]) tail.offer(aRecord(id))
      reader.open()
      await until('the gap', () => reader.seen.length === 4)
      tail.offer(aRecord(7))
      await until('what follows the gap', () => reader.seen.length === 5)
      const gap = { count: 3, sinceMs: 4_000, untilMs: 6_000 }
      assert.deepEqual(reader.seen, [1, 2, 3, [gap, 6], 7])
    })
})
