import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
    await sleep(5)
    assert.deepEqual(reader.seen, [])
    resolve()
    await sleep(5)
    tail.offer(aRecord(4))
    await sleep(5)
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
      await sleep(5)
      for (const id of [2, 3, 4, 5, 6]) tail.offer(aRecord(id))
      reader.open()
      await sleep(5)
      tail.offer(aRecord(7))
      await sleep(5)
      const gap = { count: 3, sinceMs: 4_000, untilMs: 6_000 }
      assert.deepEqual(reader.seen, [1, 2, 3, [gap, 6], 7])
    })
})
