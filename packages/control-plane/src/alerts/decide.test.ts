import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Reading } from './conditions/facts.ts'
import { decide, type Standing } from './decide.ts'

type Look = { is: Reading['is']; afterMs: number }

const looks = fc.array(
  fc.record({
    is: fc.constantFrom<Reading['is']>('holds', 'holds', 'clear', 'unknown'),
    afterMs: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 40 },
)
const times = fc.record({
  forMs: fc.constantFrom(0, 30, 60),
  keepFiringMs: fc.constantFrom(0, 30, 60),
})

/** How an alert stands after each look. */
function standings(
  history: readonly Look[],
  timing: { forMs: number; keepFiringMs: number },
): { nowMs: number; is: Reading['is']; standing: Standing | undefined }[] {
  let nowMs = 1_000
  let standing: Standing | undefined
  return history.map(({ is, afterMs }) => {
    nowMs += afterMs
    standing = decide(standing, is, { nowMs, ...timing })
    return { nowMs, is, standing }
  })
}

describe('decide', () => {
  it('fires exactly when the condition has held at every look for the whole time', () => {
    fc.assert(
      fc.property(looks, times, (history, timing) => {
        let heldSinceMs: number | undefined
        let wasFiring = false
        for (const { nowMs, is, standing } of standings(history, timing)) {
          heldSinceMs = is === 'holds' ? (heldSinceMs ?? nowMs) : undefined
          const isDue = heldSinceMs !== undefined && nowMs - heldSinceMs >= timing.forMs
          const isFiring = standing?.state === 'firing'
          if (!wasFiring) assert.equal(isFiring, isDue)
          wasFiring = isFiring
        }
      }),
    )
  })

  it('is resolved only by what is known: cleared for its time, and nothing else between', () => {
    fc.assert(
      fc.property(looks, times, (history, timing) => {
        let clearSinceMs: number | undefined
        let before: Standing | undefined
        for (const { nowMs, is, standing } of standings(history, timing)) {
          if (is === 'clear') clearSinceMs ??= nowMs
          if (is === 'holds') clearSinceMs = undefined
          if (before?.state === 'firing') {
            const isCleared =
              is === 'clear' &&
              clearSinceMs !== undefined &&
              nowMs - clearSinceMs >= timing.keepFiringMs
            assert.equal(standing === undefined, isCleared)
          } else clearSinceMs = is === 'clear' ? nowMs : undefined
          if (standing?.state !== 'firing') clearSinceMs = undefined
          before = standing
        }
      }),
    )
  })

  it('does not wait for a clock that was set back', () => {
    const pending = { state: 'pending', sinceMs: 10_000 } as const
    const timing = { forMs: 100, keepFiringMs: 0 }
    const back = decide(pending, 'holds', { nowMs: 5_000, ...timing })
    assert.deepEqual(back, { state: 'pending', sinceMs: 5_000 })
    assert.equal(decide(back, 'holds', { nowMs: 5_100, ...timing })?.state, 'firing')
  })
})
