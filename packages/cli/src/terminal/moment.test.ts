import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { momentFlag, momentOf } from './moment.ts'

const now = new Date(2026, 0, 15, 10, 30)
const local = (...parts: [number, number, number, number?, number?, number?]): number =>
  new Date(...parts).getTime()

describe('a time as a person says it', () => {
  for (const [text, ms] of [
    ['1h', local(2026, 0, 15, 9, 30)],
    ['1h30m ago', local(2026, 0, 15, 9)],
    ['90s', local(2026, 0, 15, 10, 28, 30)],
    ['1w', now.getTime() - 7 * 24 * 3_600_000],
    ['now', now.getTime()],
    ['today', local(2026, 0, 15)],
    ['Yesterday', local(2026, 0, 14)],
    ['10:00', local(2026, 0, 15, 10)],
    ['23:15:30', local(2026, 0, 14, 23, 15, 30)],
    ['2026-01-02', local(2026, 0, 2)],
    ['2026-01-02 10:00', local(2026, 0, 2, 10)],
    ['2026-01-02T10:00:05', local(2026, 0, 2, 10, 0, 5)],
    ['2026-01-02T10:00:00+01:00', Date.UTC(2026, 0, 2, 9)],
  ] as const)
    it(`is ${text}`, () => assert.equal(momentOf(text, now.getTime()), ms))

  for (const text of ['', 'soon', '-1h', '25:00', '2026-02-31', '2026-13-01', '5', '10'])
    it(`is not "${text}"`, () => {
      assert.equal(momentOf(text, now.getTime()), undefined)
      assert.throws(() => momentFlag(text), /Want how long ago/)
    })
})
