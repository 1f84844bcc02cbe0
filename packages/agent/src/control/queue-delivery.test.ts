import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { aMemoryQueue } from '../queue/testing/memory-queue.ts'
import { startQueueDelivery } from './queue-delivery.ts'

describe('startQueueDelivery', () => {
  it('sends what is added, in batches of so many items and bytes', async () => {
    await using setup = setUp({ items: 3, bytes: 1_000 })
    await setup.queue.append(['a', 'b', 'c', 'd'])
    await setup.queue.append(['x'.repeat(900), 'y'.repeat(900)])
    await setup.clock.advance(0)
    assert.deepEqual(
      setup.sent.map((batch) => batch.map((item) => item[0]).join('')),
      ['abc', 'd', 'x', 'y'],
    )
    assert.equal(setup.queue.waiting().items, 0)
  })

  it('halves a batch that is too much, and drops and counts the one that is refused', async () => {
    await using setup = setUp({ items: 100, bytes: 1e6 })
    setup.answer = async (items) => {
      if (items.length > 2) throw new ApiError('payload_too_large', 'too large')
      if (items.includes('bad')) throw new ApiError('bad_request', 'no')
    }
    await setup.queue.append(['a', 'b', 'bad', 'c', 'd', 'e', 'f'])
    await setup.clock.advance(0)
    assert.deepEqual(setup.arrived(), ['a', 'b', 'c', 'd', 'e', 'f'])
    assert.deepEqual([setup.delivery.refused(), setup.queue.waiting().items], [1, 0])
  })

  it('removes nothing that has not arrived', async () => {
    await using setup = setUp()
    setup.answer = () => Promise.reject(new Error('down'))
    await setup.queue.append(['a', 'b'])
    await setup.clock.advance(0)
    assert.deepEqual([setup.sent.length, setup.queue.waiting().items], [1, 2])
    setup.answer = async () => {}
    await setup.clock.advance(2_000)
    assert.deepEqual([setup.arrived(), setup.queue.waiting().items], [['a', 'b'], 0])
  })

  it('sends the others past one that fails, also those that come later, and that one again in its time', async () => {
    await using setup = setUp()
    setup.answer = async ([item]) => {
      if (item === 'stuck') throw new ApiError('internal', 'it fails on this one')
    }
    await setup.queue.append(['stuck', 'a'])
    await setup.clock.advance(0)
    await setup.queue.append(['b'])
    await setup.clock.advance(0)
    assert.deepEqual(setup.arrived(), ['a', 'b'])
    assert.equal(setup.tries('stuck'), 1)
    await setup.clock.advance(10_000)
    assert.ok(setup.tries('stuck') > 2)
    setup.answer = async () => {}
    await setup.clock.advance(60_000)
    assert.deepEqual(setup.arrived(), ['a', 'b', 'stuck'])
  })

  it('does not ask a control plane that is away sooner because there is more to send', async () => {
    await using setup = setUp()
    setup.answer = () => Promise.reject(new Error('down'))
    await setup.queue.append(['a'])
    await setup.clock.advance(60_000)
    const tries = setup.sent.length
    for (let second = 0; second < 10; second++) {
      await setup.queue.append(['b'])
      await setup.clock.advance(100)
    }
    assert.ok(setup.sent.length <= tries + 1)
  })

  it('tries after 1 s, 2 s, 4 s, ... 5 min, and at once when the control plane is back', async () => {
    await using setup = setUp()
    setup.answer = () => Promise.reject(new Error('down'))
    await setup.queue.append(['a'])
    await setup.clock.advance(0)
    const at: number[] = []
    for (let second = 1; second <= 1_200; second++) {
      const before = setup.sent.length
      await setup.clock.advance(1_000)
      if (setup.sent.length > before) at.push(second)
    }
    assert.deepEqual(at, [1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1_111])
    setup.delivery.wake()
    await setup.clock.advance(0)
    const tries = setup.sent.length
    await setup.clock.advance(1_000)
    assert.equal(setup.sent.length, tries + 1, 'the backoff begins anew')
  })

  it('waits as long as it is asked to', async () => {
    await using setup = setUp()
    setup.answer = () =>
      Promise.reject(new ApiError('unavailable', 'busy', { retryAfterSeconds: 90 }))
    await setup.queue.append(['a', 'b'])
    await setup.clock.advance(89_000)
    assert.equal(setup.sent.length, 1)
    await setup.clock.advance(1_000)
    assert.equal(setup.sent.length, 2)
  })
})

function setUp(batch = { items: 1, bytes: 1e6 }) {
  const clock = createFakeClock()
  const queue = aMemoryQueue<string>()
  const script = {
    sent: [] as string[][],
    came: [] as string[],
    answer: async (_items: readonly string[]): Promise<void> => {},
  }
  const delivery = startQueueDelivery(
    queue,
    {
      what: 'thing',
      batch,
      async send(items) {
        script.sent.push([...items])
        await script.answer(items)
        script.came.push(...items)
      },
    },
    { describe: String, clock, log: silentLog, random: () => 0.5 },
  )
  return Object.assign(script, {
    queue,
    delivery,
    clock,
    arrived: () => script.came,
    tries: (item: string) => script.sent.filter((items) => items.includes(item)).length,
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  })
}
