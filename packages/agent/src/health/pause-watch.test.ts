import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { startPauseWatch } from './pause-watch.ts'

function startWatch() {
  const clock = createFakeClock()
  const told: string[] = []
  const watch = startPauseWatch({
    onPause: () => void told.push('pause'),
    onClockSet: () => void told.push('clock set'),
    clock,
    log: silentLog,
  })
  return { clock, told, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() }
}

describe('the watch for pauses', () => {
  it('tells of a machine that slept, and of a process that was stopped, once each', async () => {
    await using watch = startWatch()
    await watch.clock.advance(60_000)
    assert.deepEqual(watch.told, [])

    watch.clock.suspend(30_000)
    await watch.clock.advance(60_000)
    assert.deepEqual(watch.told, ['pause'])

    watch.clock.stall(330_000)
    await watch.clock.advance(60_000)
    assert.deepEqual(watch.told, ['pause', 'pause'])
  })

  it('does not report a busy machine as a pause', async () => {
    await using watch = startWatch()
    await watch.clock.advance(0)
    watch.clock.stall(15_000)
    await watch.clock.advance(30_000)
    assert.deepEqual(watch.told, [])
  })

  for (const hours of [-2, 2, 14 * 365 * 24])
    it(`tells of a clock that was set by ${hours} h, and of no pause`, async () => {
      await using watch = startWatch()
      await watch.clock.advance(0)
      watch.clock.step(hours * 3_600_000)
      await watch.clock.advance(60_000)
      assert.deepEqual(watch.told, ['clock set'])
    })
})
