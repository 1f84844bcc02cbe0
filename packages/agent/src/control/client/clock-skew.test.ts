import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../../health/problems.ts'
import { createClockSkew } from './clock-skew.ts'

describe('clock skew', () => {
  it('is the difference to the Date header, in the middle of the exchange', async () => {
    const { skew, clock, header } = setUp()
    const sentMs = clock.now()
    await clock.advance(2_000)
    skew.observe(header(1_000), sentMs)
    assert.equal(Math.abs(skew.seconds()) <= 1, true)
    skew.observe(header(1_000 + 42_000), sentMs)
    assert.equal(Math.abs(skew.seconds() - 42) <= 1, true)
  })

  it('warns over a minute, calls for a person over five, and calms down', () => {
    const { skew, clock, header, problems, logged } = setUp()
    const observe = (offsetMs: number) => skew.observe(header(offsetMs), clock.now())
    observe(50_000)
    assert.deepEqual(problems.list(), [])
    observe(120_000)
    observe(130_000)
    assert.match(problems.list().join(), /the clock is 2 min behind the control plane's: run/)
    observe(-400_000)
    assert.match(
      problems.list().join(),
      /7 min ahead of the control plane's, so that all events are refused/,
    )
    observe(0)
    assert.deepEqual(problems.list(), [])
    assert.deepEqual(logged, ['warn', 'error', 'info'])
  })

  it('ignores answers without a date', () => {
    const { skew, clock } = setUp()
    skew.observe(undefined, clock.now())
    skew.observe('yesterday', clock.now())
    assert.equal(skew.seconds(), 0)
  })
})

function setUp() {
  const clock = createFakeClock()
  const startMs = clock.now()
  const problems = createProblems()
  const logged: string[] = []
  const log = {
    ...silentLog,
    info: () => logged.push('info'),
    warn: () => logged.push('warn'),
    error: () => logged.push('error'),
  }
  const header = (offsetMs: number): string => new Date(startMs + offsetMs).toUTCString()
  return { skew: createClockSkew({ clock, log, problems }), clock, problems, logged, header }
}
