import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { ForeignAnswer } from '../client/failure.ts'
import { createReconnectPolicy } from './reconnect.ts'

const never = { error: new Error('refused'), openMs: undefined }
const closedAtOnce = { error: undefined, openMs: 5 }
const middle = (): number => 0.5

describe('createReconnectPolicy', () => {
  it('doubles from 1 s to 60 s', () => {
    const policy = createReconnectPolicy(middle)
    const waits = Array.from({ length: 8 }, () => policy.nextMs(never) / 1_000)
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])
  })

  it('backs off from a server that accepts and closes', () => {
    const policy = createReconnectPolicy(middle)
    const waits = Array.from({ length: 4 }, () => policy.nextMs(closedAtOnce) / 1_000)
    assert.deepEqual(waits, [1, 2, 4, 8])
  })

  it('starts again from 1 s after a stream that lasted', () => {
    const policy = createReconnectPolicy(middle)
    for (let times = 0; times < 5; times++) policy.nextMs(never)
    assert.equal(policy.nextMs({ error: undefined, openMs: 30_000 }), 1_000)
  })

  it('waits no longer from one to the next where control planes end every few seconds', () => {
    const policy = createReconnectPolicy(middle)
    const killed = { error: new Error('cut'), openMs: 6_000 }
    const waits = Array.from({ length: 4 }, () => [policy.nextMs(killed), policy.nextMs(never)])
    assert.deepEqual(waits.slice(1), Array(3).fill([1_000, 2_000]))
  })

  it('comes back at once where there are other addresses, unless the stream was short', () => {
    const policy = createReconnectPolicy(middle, true)
    assert.equal(policy.nextMs({ error: new Error('cut'), openMs: 30_000 }), 125)
    assert.equal(policy.nextMs(closedAtOnce), 1_000)
    assert.equal(policy.nextMs({ error: busy(17), openMs: undefined }), 17_000 * 1.125)
  })

  it('never waits less than 1 s, jitter included', () => {
    const policy = createReconnectPolicy(() => 0)
    assert.equal(policy.nextMs(closedAtOnce), 1_000)
    assert.equal(policy.nextMs({ error: busy(0), openMs: undefined }), 1_000)
  })

  it('waits 60 s to 10 min while the node is refused', () => {
    for (const code of ['unauthorized', 'forbidden', 'not_found'] as const) {
      const policy = createReconnectPolicy(middle)
      const end = { error: new ApiError(code, 'no'), openMs: undefined }
      const waits = Array.from({ length: 6 }, () => policy.nextMs(end) / 1_000)
      assert.deepEqual(waits, [60, 120, 240, 480, 600, 600], code)
    }
  })

  it('is back within seconds of the end of what answers in between, however long that was', () => {
    const policy = createReconnectPolicy(middle)
    const error = new ForeignAnswer({ status: 403, headers: {}, body: '<html>' })
    const waits = Array.from(
      { length: 6 },
      () => policy.nextMs({ error, openMs: undefined }) / 1_000,
    )
    assert.deepEqual(waits, [1, 2, 4, 8, 8, 8])
  })

  it('waits as long as the server asks, without counting that as a failure', () => {
    const policy = createReconnectPolicy(() => 0)
    assert.equal(policy.nextMs({ error: busy(17), openMs: undefined }), 17_000)
    assert.equal(policy.nextMs({ error: busy(17), openMs: undefined }), 17_000)
    assert.equal(policy.nextMs({ error: busy(86_400), openMs: undefined }), 600_000)
    assert.equal(policy.nextMs(never), 1_000)
  })
})

function busy(retryAfterSeconds: number): ApiError {
  return new ApiError('unavailable', 'stopping', { retryAfterSeconds })
}
