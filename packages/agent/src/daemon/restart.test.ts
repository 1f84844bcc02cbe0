import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock, runModule } from '@plexd/runtime/testing'
import { createRestart, untilDelivered } from './restart.ts'

describe('createRestart', () => {
  it('ends the daemon once, however often it is asked', () => {
    let stops = 0
    const restart = createRestart({ stop: () => stops++, log: silentLog })
    for (let asked = 0; asked < 3; asked++) restart.request()
    assert.equal(stops, 1)
  })

  it('leaves alone a daemon of which no restart was asked', () => {
    createRestart({ stop() {}, log: silentLog }).startAgain()
  })

  it('runs the program again in the same process, with its arguments and environment', async () => {
    const { stdout, code } = await runModule(`
      import { createRestart } from ${JSON.stringify(import.meta.resolve('./restart.ts'))}
      console.log(process.pid, process.env.AGAIN ?? 'first')
      const restart = createRestart({ stop() {}, log: { info() {} } })
      if (process.env.AGAIN) process.exit(7)
      process.env.AGAIN = 'again'
      restart.request()
      restart.startAgain()`)
    const [first, again] = stdout.trim().split('\n')
    assert.equal(again, first?.replace('first', 'again'))
    assert.equal(code, 7)
  })
})

describe('untilDelivered', () => {
  it('waits until nothing is left to send', async () => {
    const clock = createFakeClock()
    let pending = 0
    let isOver = false
    void untilDelivered(() => pending, clock).then(() => {
      isOver = true
    })
    // The result of the action that asks comes after it has asked.
    pending = 1
    await clock.advance(3_000)
    assert.equal(isOver, false)
    pending = 0
    await clock.advance(100)
    assert.equal(isOver, true)
  })

  it('waits five seconds at most', async () => {
    const clock = createFakeClock()
    const delivered = untilDelivered(() => 1, clock)
    await clock.advance(5_000)
    await delivered
  })
})
