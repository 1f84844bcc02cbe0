import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fit } from './fit.ts'

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

describe('fit', () => {
  it('leaves alone what fits', () => {
    const value = { list: [1, 2, 3], text: 'x' }
    assert.equal(fit(value, 1_000), value)
  })

  it('cuts the longest list, and says how many items are missing', () => {
    const value = { short: [1, 2, 3], long: Array.from({ length: 1_000 }, (_, at) => at) }
    const cut = fit(value, 400) as { short: number[]; long: unknown[] }
    assert.deepEqual(cut.short, [1, 2, 3])
    assert.deepEqual(cut.long.at(-1), { left_out: 1_000 - (cut.long.length - 1) })
  })

  it('comes within the limit whatever the value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }),
        fc.integer({ min: 30, max: 5_000 }),
        (value, limit) => bytesOf(fit(value, limit)) <= limit,
      ),
    )
  })

  it('comes to an end with a hundred thousand nested texts', () => {
    const lists = Array.from({ length: 100 }, () =>
      Array.from({ length: 100 }, () =>
        Array.from({ length: 10 }, () => ({ 'é😀"': '"\\é😀'.repeat(20) })),
      ),
    )
    assert.ok(bytesOf(fit(lists, 5_000)) <= 5_000)
  })
})
