import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { startPeriodic } from './periodic.ts'

describe('startPeriodic', () => {
  it('starts no run beside one that goes on, and goes on after one that failed', async () => {
    const clock = createFakeClock()
    const runs: PromiseWithResolvers<void>[] = []
    await using _job = startPeriodic(
      {
        name: 'count',
        everyMs: 1_000,
        run() {
          runs.push(Promise.withResolvers())
          return runs.at(-1)?.promise ?? Promise.resolve()
        },
      },
      { clock, log: silentLog },
    )
    await clock.advance(3_500)
    assert.equal(runs.length, 1)
    runs[0]?.reject(new Error('the disk is full'))
    await clock.advance(1_000)
    assert.equal(runs.length, 2)
    runs[1]?.resolve()
  })

  it('goes on after one that failed before it had begun to wait', async () => {
    const clock = createFakeClock()
    let runs = 0
    const run = (): Promise<void> => {
      runs++
      throw new Error('the disk is full')
    }
    await using _job = startPeriodic(
      { name: 'fail', everyMs: 1_000, run },
      { clock, log: silentLog },
    )
    await clock.advance(2_000)
    assert.equal(runs, 2)
  })

  it('tells the run that goes on when it ends, and waits for it', async () => {
    const clock = createFakeClock()
    let isTold = false
    const job = startPeriodic(
      {
        name: 'wait',
        everyMs: 1_000,
        run: (signal) =>
          new Promise((resolve) =>
            signal.addEventListener('abort', () => {
              isTold = true
              resolve()
            }),
          ),
      },
      { clock, log: silentLog },
    )
    await clock.advance(1_000)
    await job[Symbol.asyncDispose]()
    await clock.advance(5_000)
    assert.equal(isTold, true)
    assert.equal(clock.sleepers(), 0)
  })
})
