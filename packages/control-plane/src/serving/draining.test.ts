import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createEnvironment } from '../open-app/environment.ts'
import { testConfig } from '../testing/harness.ts'
import { afterDrain, drain, endSpread } from './draining.ts'

describe('endSpread', () => {
  it('ends all in their order, at equal intervals', async () => {
    const clock = createFakeClock()
    const startMs = clock.monotonic()
    const times: [string, number][] = []
    const ends = ['a', 'b', 'c', 'd'].map(
      (name) => () => void times.push([name, clock.monotonic() - startMs]),
    )
    const { signal } = new AbortController()
    const over = endSpread(ends, { overMs: 1_000, clock, signal })
    for (let left = 4; left > 0; left--) await clock.advance(250)
    await over
    assert.deepEqual(times, [
      ['a', 0],
      ['b', 250],
      ['c', 500],
      ['d', 750],
    ])
  })

  it('ends no more when it is told to stop', async () => {
    const clock = createFakeClock()
    const stop = new AbortController()
    let ended = 0
    const ends = Array.from({ length: 4 }, () => () => void ended++)
    const over = endSpread(ends, { overMs: 1_000, clock, signal: stop.signal })
    stop.abort(new Error('lost'))
    await assert.rejects(over, { message: 'lost' })
    assert.equal(ended, 1)
  })
})

describe('drain', () => {
  function environmentOf(drainMs: number) {
    const clock = createFakeClock()
    const config = testConfig({ dataDir: '/nowhere', drainMs })
    const metrics = undefined as never // nothing is counted
    const parts = { metrics, clock, log: silentLog, life: 'a' }
    return { clock, environment: createEnvironment(config, parts) }
  }

  it('begins to end connections after half of its time', async () => {
    const { environment, clock } = environmentOf(2_000)
    let ended = 0
    const over = drain(environment, () => [() => void ended++])
    assert.ok(environment.isDraining())
    await clock.advance(900)
    assert.equal(ended, 0)
    await clock.advance(100)
    assert.equal(ended, 1)
    await clock.advance(1_000)
    await over
  })

  it('is over at once where the control plane cannot go on', async () => {
    const { environment } = environmentOf(2_000)
    environment.fail(new Error('the turn is lost'))
    await drain(environment, () => [assert.fail])
  })

  it('is none without its setting', async () => {
    const { environment } = environmentOf(0)
    await drain(environment, () => [assert.fail])
    assert.ok(!environment.isDraining())
  })
})

describe('afterDrain', () => {
  it('aborts when the drain is over, for the reason that was given', async () => {
    const given = new AbortController()
    const drained = Promise.withResolvers<void>()
    const signal = afterDrain(given.signal, () => drained.promise)
    given.abort(new Error('SIGTERM'))
    await Promise.resolve()
    assert.ok(!signal.aborted)
    drained.resolve()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    assert.equal(signal.reason.message, 'SIGTERM')
  })
})
