import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSlices } from './slices.ts'

describe('createSlices', () => {
  it('runs at once what is little', () => {
    const slices = createSlices(() => 0)
    let count = 0
    for (let index = 0; index < 1_000; index++) slices.run(() => count++)
    assert.equal(count, 1_000)
  })

  it('runs what is much in its order, and lets the rest of the program run in between', async () => {
    let nowMs = 0
    const slices = createSlices(() => nowMs)
    const done: number[] = []
    for (let index = 0; index < 50; index++)
      slices.run(() => {
        nowMs += 5
        done.push(index)
        if (index === 10) slices.run(() => done.push(50))
      })
    const before: number[] = []
    while (done.length < 51) {
      before.push(done.length)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(before.slice(0, 3), [4, 8, 12])
    assert.deepEqual(
      done,
      Array.from({ length: 51 }, (_, index) => index),
    )
  })
})
