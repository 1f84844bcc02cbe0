import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { JsonGate, passedBound } from './json-gate.ts'

const wide = { maxBytes: 1024, maxDepth: 4, maxValues: 10 }

describe('passedBound', () => {
  it('lets pass what stays within the bounds', () => {
    for (const text of ['', '1', '"["', '{"a":[[{"b":1}]]}', '[1,2,3,4,5,6,7,8,9]', ' [ ] '])
      assert.equal(passedBound(text, wide), undefined, text)
  })

  it('names the bound that is passed', () => {
    assert.equal(passedBound(' '.repeat(1025), wide), 'bytes')
    assert.equal(passedBound('é'.repeat(513), wide), 'bytes')
    assert.equal(passedBound('[[[[[', wide), 'depth')
    assert.equal(passedBound('{"a":{"a":{"a":{"a":{}}}}}', wide), 'depth')
    assert.equal(passedBound('[1,2,3,4,5,6,7,8,9,10]', wide), 'values')
  })

  it('counts nothing inside strings', () => {
    assert.equal(passedBound('["[[[[[[,,,,,,,,,,\\"[[[[[[,,,,,,,,,\\\\"]', wide), undefined)
    assert.equal(passedBound('["\\\\",[[[[', wide), 'depth')
  })

  it('counts siblings by themselves', () => {
    assert.equal(passedBound('[[[[]]],[[[]]]]', wide), undefined)
  })

  it('takes each line by itself where there may be lines', () => {
    const lines = { ...wide, lines: true }
    assert.equal(passedBound('{"a":[\n{"a":[\n{"a":[', lines), undefined)
    for (const text of ['"\n[[[[[', '"\\\n[[[[['])
      for (const size of [1, 2, 3, 100])
        assert.equal(inChunks(new TextEncoder().encode(text), size, lines), 'depth')
    assert.equal(passedBound('1\n'.repeat(10), lines), 'values')
    assert.equal(passedBound('\n [\n[\n[\n[\n[', lines), 'depth')
  })

  it('reads JSON as JSON.parse does, in chunks of any size', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 1, max: 9 }), (value, size) => {
        const text = JSON.stringify(value)
        const bytes = new TextEncoder().encode(text)
        const exact = { maxBytes: bytes.length, maxDepth: depthOf(value), maxValues: Infinity }
        assert.equal(passedBound(text, exact), undefined)
        assert.equal(inChunks(bytes, size, exact), undefined)
        if (exact.maxDepth > 0) {
          const less = { ...exact, maxDepth: exact.maxDepth - 1 }
          assert.equal(inChunks(bytes, size, less), 'depth')
        }
        assert.equal(inChunks(bytes, size, { ...exact, maxBytes: bytes.length - 1 }), 'bytes')
      }),
    )
  })

  it('never counts fewer values than there are, nor more than one too many for each empty one', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        const bounds = { maxBytes: Infinity, maxDepth: Infinity }
        const { values, empty } = countOf(value)
        assert.equal(passedBound(text, { ...bounds, maxValues: values - 1 }), 'values')
        assert.equal(passedBound(text, { ...bounds, maxValues: values + empty }), undefined)
      }),
    )
  })
})

function inChunks(bytes: Uint8Array, size: number, bounds: typeof wide) {
  const gate = new JsonGate(bounds)
  for (let at = 0; at < bytes.length; at += size) {
    const passed = gate.take(bytes.subarray(at, at + size))
    if (passed) return passed
  }
  return undefined
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

function countOf(value: unknown): { values: number; empty: number } {
  if (typeof value !== 'object' || value === null) return { values: 1, empty: 0 }
  const counts = Object.values(value).map(countOf)
  return {
    values: 1 + counts.reduce((sum, { values }) => sum + values, 0),
    empty: (counts.length === 0 ? 1 : 0) + counts.reduce((sum, { empty }) => sum + empty, 0),
  }
}
