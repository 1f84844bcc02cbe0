import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createSlots } from './slots.ts'

describe('createSlots', () => {
  it('lets so many go on at once, and the rest in their order', async () => {
    const slots = createSlots(2)
    const begun: number[] = []
    const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
    const all = ends.map(({ promise }, n) =>
      slots(() => {
        begun.push(n)
        return promise
      }),
    )
    await Promise.resolve()
    assert.deepEqual(begun, [0, 1])
    ends[1]?.resolve()
    await all[1]
    ends[2]?.resolve()
    await until('the last has begun', () => begun.length === 4)
    assert.deepEqual(begun, [0, 1, 2, 3])
    ends[0]?.resolve()
    ends[3]?.resolve()
    await Promise.all(all)
  })

  it('lets go who no longer waits, and frees the place of one that failed', async () => {
    const slots = createSlots(1)
    const gone = new AbortController()
    const { promise, reject } = Promise.withResolvers<void>()
    const first = slots(() => promise)
    const second = slots(() => assert.fail('it has left'), gone.signal)
    const third = slots(async () => 'third')
    gone.abort(new Error('gone'))
    await assert.rejects(second, /gone/)
    reject(new Error('failed'))
    await assert.rejects(first, /failed/)
    assert.equal(await third, 'third')
  })
})
