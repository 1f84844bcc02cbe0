import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createPingNet } from '../actions/testing/ping-net.ts'
import { ping } from './ping.ts'

const { signal } = new AbortController()
const peer = { kind: 'reply', from: '10.100.0.2' } as const

describe('ping', () => {
  it('sends five a second, and ends with the last reply', async () => {
    const clock = createFakeClock()
    const net = createPingNet(() => peer)
    const pinged = ping(net, '10.100.0.2', { count: 3, clock, signal })
    await clock.advance(390)
    assert.equal(net.sent, 2)
    await clock.advance(30)
    const { echoes } = await pinged
    assert.equal(echoes.length, 3)
    for (const { ms, refused } of echoes) assert.ok(ms !== null && ms >= 0 && !refused)
  })

  it('waits a second for a reply that does not come, or comes from another', async () => {
    const clock = createFakeClock()
    const net = createPingNet((_hops, count) =>
      count === 2 ? { kind: 'reply', from: '10.100.0.9' } : undefined,
    )
    const pinged = ping(net, '10.100.0.2', { count: 2, clock, signal })
    await clock.advance(1_300)
    const { echoes } = await pinged
    assert.deepEqual(echoes, [
      { ms: null, refused: false },
      { ms: null, refused: false },
    ])
  })

  it('says what the kernel did not let out, without waiting', async () => {
    const clock = createFakeClock()
    const pinged = ping(
      createPingNet(() => 'refused'),
      '10.100.0.2',
      { count: 1, clock, signal },
    )
    await clock.advance(20)
    assert.deepEqual(await pinged, { echoes: [{ ms: null, refused: true }] })
  })
})
