import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createGroupQueue, takeGroup } from './group-queue.ts'
import { createSerialQueue } from './serial-queue.ts'

it('runs one thing after another, also behind one that failed', async () => {
  const inOrder = createSerialQueue()
  const gate = Promise.withResolvers<void>()
  const events: string[] = []
  const first = inOrder(async () => {
    await gate.promise
    events.push('first')
    throw new Error('no')
  })
  const second = inOrder(async () => events.push('second'))
  assert.deepEqual(events, [])
  gate.resolve()
  await assert.rejects(first, { message: 'no' })
  assert.equal(await second, 2)
  assert.deepEqual(events, ['first', 'second'])
})

it('writes together what came while a write ran', async () => {
  const gate = Promise.withResolvers<void>()
  const groups: number[][] = []
  const queue = createGroupQueue<number>(async (waiting) => {
    groups.push(waiting.splice(0))
    await gate.promise
  })
  for (const item of [1, 2, 3]) queue.add(item)
  assert.deepEqual(groups, [[1]])
  gate.resolve()
  await queue.drain()
  assert.deepEqual(groups, [[1], [2, 3]])
  queue.add(4)
  await queue.drain()
  assert.deepEqual(groups.at(-1), [4])
})

it('takes what fits into one write, and one that is larger, for it fits nowhere', () => {
  const waiting = [3, 3, 3, 1, 9]
  const take = () => takeGroup(waiting, 7, Number)
  assert.deepEqual([take(), take(), take(), take()], [[3, 3], [3, 1], [9], []])
})
