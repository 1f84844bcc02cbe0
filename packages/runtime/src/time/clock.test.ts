import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '../testing/fake-clock.ts'
import { until } from '../testing/until.ts'
import { longestTimerMs, sleepsOf, systemClock } from './clock.ts'

describe('the fake clock', () => {
  it('wakes sleepers in the order of their time, and says what time it is then', async () => {
    const clock = createFakeClock(0)
    const woken: [name: string, atMs: number][] = []
    for (const [name, ms] of [
      ['late', 30],
      ['early', 10],
      ['never', 50],
    ] as const) {
      void clock.sleep(ms).then(() => woken.push([name, clock.now()]))
    }

    await clock.advance(40)

    assert.deepEqual(woken, [
      ['early', 10],
      ['late', 30],
    ])
    assert.equal(clock.now(), 40)
    assert.equal(clock.sleepers(), 1)
  })

  it('lets a loop that sleeps again run as often as the time allows', async () => {
    const clock = createFakeClock(0)
    const ticks: number[] = []
    void (async () => {
      for (;;) {
        await clock.sleep(10)
        ticks.push(clock.now())
      }
    })()

    await clock.advance(35)

    assert.deepEqual(ticks, [10, 20, 30])
  })

  it('calls as often as the time allows, until it is told to stop', async () => {
    const clock = createFakeClock(0)
    const calls: number[] = []
    const calling = clock.every(10, () => calls.push(clock.now()))

    await clock.advance(35)
    calling[Symbol.dispose]()
    await clock.advance(35)

    assert.deepEqual(calls, [10, 20, 30])
    assert.equal(clock.sleepers(), 0)
  })

  it('wakes a sleeper with the reason of an abort, and forgets it', async () => {
    const clock = createFakeClock()
    const stop = new AbortController()
    const sleeping = clock.sleep(10, stop.signal)
    const why = new Error('stopping')

    stop.abort(why)

    await assert.rejects(sleeping, why)
    await assert.rejects(clock.sleep(10, stop.signal), why)
    assert.equal(clock.sleepers(), 0)
  })
})

describe('the system clock', () => {
  it('sleeps at least as long as it is told, and stops at an abort', async () => {
    const startMs = performance.now()
    await systemClock.sleep(20)
    assert.ok(performance.now() - startMs >= 19)

    await assert.rejects(systemClock.sleep(60_000, AbortSignal.timeout(5)), { name: 'AbortError' })
  })
  it('calls what is called seldom together with what is called several times meanwhile, until each has had enough', async () => {
    const turns: string[][] = []
    let turn: string[] | undefined
    function note(name: string): void {
      if (!turn) {
        turn = []
        turns.push(turn)
        setImmediate(() => {
          turn = undefined
        })
      }
      turn.push(name)
    }
    const seldom = systemClock.every(60, () => note('seldom'))
    const often = systemClock.every(20, () => note('often'))
    const rare = (): string[][] => turns.filter((names) => names.includes('seldom'))
    await until('three turns of both', () => rare().length >= 3)
    seldom[Symbol.dispose]()
    const before = turns.length
    await until('four more turns', () => turns.length >= before + 4)
    often[Symbol.dispose]()
    const after = turns.length
    await systemClock.sleep(70)
    assert.deepEqual(rare(), Array(3).fill(['seldom', 'often']))
    assert.equal(turns.length, after)
  })

  it('waits for what is due later than a timer of Node can wait', async (t) => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    t.after(() => process.off('warning', note))
    using _seldom = systemClock.every(3 * longestTimerMs, () => assert.fail('too early'))
    await systemClock.sleep(20)
    assert.deepEqual(warnings, [])
  })
})

describe('a long sleep', () => {
  it('is made of sleeps that a timer of Node holds', () => {
    const month = 30 * 24 * 3_600_000
    const sleeps = [...sleepsOf(month)]
    assert.deepEqual(sleeps, [longestTimerMs, month - longestTimerMs])
    assert.deepEqual([...sleepsOf(0)], [0])
    assert.deepEqual([...sleepsOf(-5)], [0])
  })

  it('does not end at once, and ends when it is not wanted any more', async () => {
    const end = new AbortController()
    const sleep = systemClock.sleep(30 * 24 * 3_600_000, end.signal)
    const first = await Promise.race([sleep, systemClock.sleep(20).then(() => 'the other')])
    assert.equal(first, 'the other')
    end.abort()
    await assert.rejects(sleep, { name: 'AbortError' })
  })
})

describe('the time since the machine started', () => {
  it('goes on with the time of the process', async () => {
    const [bootMs, monotonicMs] = [systemClock.boot(), systemClock.monotonic()]
    await systemClock.sleep(30)
    const differenceMs = systemClock.boot() - bootMs - (systemClock.monotonic() - monotonicMs)
    assert.ok(Math.abs(differenceMs) < 1_000, String(differenceMs))
    assert.ok(bootMs > 0)
  })
})
