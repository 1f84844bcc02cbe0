import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from './duration.ts'

describe('parseDuration', () => {
  const durations: [text: string, ms: number][] = [
    ['0', 0],
    ['0s', 0],
    ['30s', 30_000],
    ['72h15m', 260_100_000],
    ['72h15m0s', 260_100_000],
    ['1.5h', 5_400_000],
    ['2.34s', 2_340],
    ['1.001s', 1_001],
    ['350.1µs', 0.3501],
    ['350.1μs', 0.3501],
    ['350.1us', 0.3501],
    ['1ns', 1e-6],
    ['1m1ms', 60_001],
    ['-5s', -5_000],
    ['+5s', 5_000],
  ]
  for (const [text, ms] of durations) {
    it(`reads "${text}"`, () => assert.equal(parseDuration(text), ms))
  }

  for (const text of ['', '5', '5 s', 's', '1d', '1h-5m', '.', '5S', '1h ', '∞s', '1e3s']) {
    it(`refuses "${text}" and quotes it`, () => {
      assert.throws(() => parseDuration(text), {
        name: 'RangeError',
        message: `parse duration "${text}": want a number and a unit, such as "30s" or "1h30m"`,
      })
    })
  }
})

describe('formatDuration', () => {
  const durations: [ms: number, text: string][] = [
    [0, '0s'],
    [0.4, '0s'],
    [-0.4, '0s'],
    [350, '350ms'],
    [2_340, '2.34s'],
    [60_000, '1m0s'],
    [90_500, '1m30.5s'],
    [260_100_000, '72h15m0s'],
    [-5_000, '-5s'],
  ]
  for (const [ms, text] of durations) {
    it(`prints ${ms} ms as "${text}", as Go does`, () => assert.equal(formatDuration(ms), text))
  }

  it('prints what parseDuration reads as the same time', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms)
      }),
    )
  })
})
