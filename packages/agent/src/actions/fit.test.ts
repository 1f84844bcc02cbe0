import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
    for (let turn = 0; turn < 200; turn++) {
      const value = randomValue(4)
      for (const limit of [40, 300, 5_000]) {
        const cut = fit(value, limit)
        assert.ok(bytesOf(cut) <= limit, `${bytesOf(cut)} > ${limit}`)
      }
    }
  })
})

function randomValue(depth: number): unknown {
  const size = Math.floor(Math.random() * 12)
  const items = (): unknown[] => Array.from({ length: size }, () => randomValue(depth - 1))
  const kind = depth === 0 ? 0 : Math.floor(Math.random() * 3)
  if (kind === 1) return items()
  if (kind === 2) return Object.fromEntries(items().map((item, at) => [`key${at}`, item]))
  return 'é😀"\\'.repeat(Math.floor(Math.random() ** 4 * 3_000))
}
