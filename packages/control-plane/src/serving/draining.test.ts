import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { endSpread } from './draining.ts'

describe('endSpread', () => {
  it('ends all in their order, at equal intervals', async () => {
    const clock = createFakeClock()
    const startMs = clock.monotonic()
    const times: [string, number][] = []
    const ends = ['a', 'b', 'c', 'd'].map(
      (name) => () => void times.push([name, clock.monotonic() - startMs]),
    )
    const { signal } = new AbortController()
    const over = endSpread(ends, { overMs: 1_000, clock, signal })
    for (let left = 4; left > 0; left--) await clock.advance(250)
    await over
    assert.deepEqual(times, [
      ['a', 0],
      ['b', 250],
      ['c', 500],
      ['d', 750],
    ])
  })

  it('ends no more when it is told to stop', async () => {
    const clock = createFakeClock()
    const stop = new AbortController()
    let ended = 0
    const ends = Array.from({ length: 4 }, () => () => void ended++)
    const over = endSpread(ends, { overMs: 1_000, clock, signal: stop.signal })
    stop.abort(new Error('lost'))
    await assert.rejects(over, { message: 'lost' })
    assert.equal(ended, 1)
  })
})
