import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nextDue } from '../rhythm/cron.ts'
import { turnOf } from './turn.ts'

const hourly = { cron: '0 * * * *', time_zone: 'UTC' }
const at = (text: string) => Date.parse(`2025-01-15T${text}Z`)
const startWithinMs = 600_000

describe('turnOf', () => {
  it('is on time a moment after it was due', () => {
    const turn = turnOf(hourly, { dueMs: at('10:00'), startWithinMs, nowMs: at('10:00:00.400') })
    assert.deepEqual(turn, { dueMs: at('10:00'), missed: 0, isInTime: true, nextMs: at('11:00') })
  })

  it('makes up for the last time alone after an absence, and counts the others', () => {
    const turn = turnOf(hourly, { dueMs: at('03:00'), startWithinMs, nowMs: at('10:05') })
    assert.deepEqual(turn, { dueMs: at('10:00'), missed: 7, isInTime: true, nextMs: at('11:00') })
  })

  it('makes up for none when even the last is too long ago', () => {
    const { isInTime, dueMs } = turnOf(hourly, {
      dueMs: at('03:00'),
      startWithinMs,
      nowMs: at('10:10:00.001'),
    })
    assert.deepEqual([isInTime, dueMs], [false, at('10:00')])
  })

  it('is not held up by a year of minutes', () => {
    const everyMinute = { cron: '* * * * *', time_zone: 'Europe/Berlin' }
    const nowMs = at('10:00:30')
    const turn = turnOf(everyMinute, { dueMs: nowMs - 31_536_030_000, startWithinMs, nowMs })
    assert.deepEqual([turn.dueMs, turn.missed, turn.nextMs], [at('10:00'), 1_000, at('10:01')])
  })

  it('never comes to a time twice, nor forgets one that is in time, whenever it is looked at', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('0 * * * *', '*/7 * * * *', '30 1 * * *', '30 2 * * *', '0 1,2,3 * * *'),
        fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'),
        fc.constantFrom(
          '2025-03-08',
          '2025-03-29',
          '2025-04-05',
          '2025-10-04',
          '2025-10-25',
          '2025-11-01',
        ),
        fc.array(fc.integer({ min: 1, max: 5 * 3_600 }), { minLength: 1, maxLength: 30 }),
        (cron, time_zone, day, pauses) => {
          const rhythm = { cron, time_zone }
          let nowMs = Date.parse(`${day}T00:00:00Z`)
          let dueMs = nextDue(rhythm, nowMs) ?? 0
          let lastMs = 0
          for (const seconds of pauses) {
            nowMs += seconds * 1_000
            if (dueMs > nowMs) continue
            const turn = turnOf(rhythm, { dueMs, startWithinMs, nowMs })
            assert.ok(turn.dueMs > lastMs && turn.dueMs >= dueMs && turn.dueMs <= nowMs)
            assert.equal(turn.nextMs, nextDue(rhythm, turn.dueMs))
            assert.ok((turn.nextMs ?? 0) > nowMs)
            lastMs = turn.dueMs
            dueMs = turn.nextMs ?? 0
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
