import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFairQueue } from './fair-queue.ts'

describe('createFairQueue', () => {
  it('lets sources take turns, and the newest of each come first', () => {
    const queue = createFairQueue<string>(10)
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.add(item.charAt(0), item)
    const taken = Array.from({ length: 7 }, () => queue.take())
    assert.deepEqual(taken, ['a3', 'b1', 'c2', 'a2', 'c1', 'a1', undefined])
  })

  it('lets the oldest one of who has most give way when it is full', () => {
    const queue = createFairQueue<string>(3)
    for (const item of ['a1', 'a2', 'a3']) queue.add('a', item)
    assert.equal(queue.add('a', 'a4'), 'a1')
    assert.equal(queue.add('b', 'b1'), 'a2')
    assert.equal(queue.add('b', 'b2'), 'b1')
    assert.equal(queue.add('c', 'c1'), 'a3')
    assert.equal(queue.add('d', 'd1'), 'd1')
    assert.deepEqual(
      Array.from({ length: 4 }, () => queue.take()),
      ['a4', 'b2', 'c1', undefined],
    )
  })
})
