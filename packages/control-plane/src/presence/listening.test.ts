import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createListening } from './listening.ts'

describe('createListening', () => {
  it('counts what passed while we listened, whatever the clock says', () => {
    const clock = createFakeClock()
    const listening = createListening(clock, { gapMs: 1_000 })
    for (let count = 0; count < 10; count++) {
      clock.stall(200)
      clock.step(-600_000)
      listening.beat()
    }
    assert.deepEqual([listening.ms(), listening.sinceMs()], [2_000, 0])
  })

  it('counts half of a gap at most, and begins anew behind it', () => {
    const clock = createFakeClock()
    const listening = createListening(clock, { gapMs: 1_000 })
    clock.stall(900)
    listening.beat()
    assert.deepEqual([listening.ms(), listening.sinceMs()], [500, 0])
    clock.stall(3_600_000)
    assert.equal(listening.ms(), 1_000)
    listening.beat()
    assert.deepEqual([listening.ms(), listening.sinceMs()], [1_000, 1_000])
  })
})
