import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { startDelivery } from './delivery.ts'

describe('startDelivery', () => {
  it('sends no more of what waits when it is told that it sends too much', async () => {
    const clock = createFakeClock()
    const sent: string[] = []
    await using _ = startDelivery(
      {
        name: 'thing',
        next: (passed) => ['a', 'b', 'c'].filter((item) => !passed.has(item)).slice(0, 1),
        idOf: (item) => item,
        async send([item = '']) {
          sent.push(item)
          throw new ApiError('too_many_requests', 'wait and send it again')
        },
        remove() {},
      },
      { describe: String, clock, log: silentLog },
    )
    await clock.advance(0)
    assert.deepEqual(sent, ['a'])
  })

  it('waits no longer each time where a part gets through after each wait', async () => {
    const clock = createFakeClock()
    let left = 20
    let isBusy = false
    await using _ = startDelivery(
      {
        name: 'thing',
        next: () => (left > 0 ? [left] : []),
        idOf: (item) => item,
        async send() {
          isBusy = !isBusy
          if (!isBusy) throw new ApiError('too_many_requests', 'wait', { retryAfterSeconds: 1 })
        },
        remove: () => void left--,
      },
      { describe: String, clock, log: silentLog, random: () => 0.5 },
    )
    await clock.advance(25_000)
    assert.equal(left, 0)
  })

  it('survives a disk that refuses to note what was delivered', async () => {
    const clock = createFakeClock()
    let isFull = true
    let sent = 0
    let isPending = true
    await using _ = startDelivery(
      {
        name: 'thing',
        next: () => (isPending ? ['a'] : []),
        idOf: (item) => item,
        send: async () => void sent++,
        remove() {
          if (isFull) throw new Error('database or disk is full')
          isPending = false
        },
      },
      { describe: String, clock, log: silentLog },
    )
    await clock.advance(0)
    assert.equal(sent, 1)

    isFull = false
    await clock.advance(2_000)
    assert.deepEqual({ sent, isPending }, { sent: 2, isPending: false })
  })
})
