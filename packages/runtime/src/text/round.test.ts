import assert from 'node:assert/strict'
import { it } from 'node:test'
import { roundTo } from './round.ts'

it('roundTo makes no infinity of a number', () => {
  assert.equal(roundTo(-12.3456, 4), -12.35)
  for (const digits of [4, 6, 15])
    for (const value of [Number.MAX_VALUE, -Number.MAX_VALUE, 0])
      assert.ok(Number.isFinite(roundTo(value, digits)))
})
