import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createSeldom } from './seldom.ts'

describe('createSeldom', () => {
  it('counts each kind until it is due again', () => {
    const clock = createFakeClock()
    const due = createSeldom(clock, 10_000)
    const thousand = Array.from({ length: 1_000 }, () => due('away'))
    assert.deepEqual([thousand[0], new Set(thousand.slice(1))], [1, new Set([undefined])])
    assert.equal(due('other'), 1)
    clock.stall(10_000)
    assert.deepEqual([due('away'), due('other'), due('other')], [1_000, 1, undefined])
  })

  it('keeps some kinds only, however many there are', () => {
    const due = createSeldom(createFakeClock(), 10_000)
    const first = Array.from({ length: 101 }, (_, number) => due(`row ${number}`))
    assert.ok(first.every((count) => count === 1))
    assert.equal(due('row 100'), undefined)
    assert.equal(due('row 0'), 1)
  })
})
