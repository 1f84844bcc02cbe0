import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { momentsOf } from './view.ts'

describe('momentsOf', () => {
  it('has an action over before its acceptance came in as accepted when it was over', () => {
    assert.deepEqual(momentsOf({ created_at: 10, acked_at: 30, finished_at: 20 }), {
      created_at: 10,
      acked_at: 20,
      finished_at: 20,
    })
  })

  it('leaves what is in order, and what has not happened', () => {
    for (const moments of [
      { created_at: 10, acked_at: 20, finished_at: 30 },
      { created_at: 10, acked_at: 20, finished_at: null },
      { created_at: 10, acked_at: null, finished_at: null },
      { created_at: 10, acked_at: null, finished_at: 30 },
    ])
      assert.deepEqual(momentsOf(moments), moments)
  })

  it('is in the order of time whatever the clock of a node says', () => {
    // What happens on our clock does so after the asking.
    const row = fc.record({
      created_at: fc.constant(100),
      acked_at: fc.option(fc.integer({ min: 100, max: 300 })),
      finished_at: fc.option(fc.integer({ min: 0, max: 400 })),
    })
    fc.assert(
      fc.property(row, (moments) => {
        const { created_at, acked_at, finished_at } = momentsOf(moments)
        const times = [created_at, acked_at, finished_at].filter((time) => time !== null)
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        )
      }),
    )
  })
})
