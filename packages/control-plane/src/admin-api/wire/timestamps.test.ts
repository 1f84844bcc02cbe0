import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMoment } from './timestamps.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const read = (text: string) => readMoment(text, { field: 'since', nowMs })

describe('readMoment', () => {
  it('takes RFC 3339 in any zone, and how long ago', () => {
    for (const text of ['2025-01-15T10:25:00Z', '2025-01-15t12:25:00.000+02:00', '5m', '0h5m0s'])
      assert.equal(read(text), nowMs - 300_000, text)
    assert.equal(read('0'), nowMs)
  })

  for (const text of [
    '5',
    '',
    'May 2001',
    '2025',
    '2025-01-15',
    '2025-13-01T00:00:00Z',
    '-5m',
    '5 m',
    'now',
  ])
    it(`refuses ${JSON.stringify(text)} with words`, () =>
      assert.throws(() => read(text), {
        status: 400,
        message: `since "${text}": want a time such as "2025-01-15T10:30:00Z", or how long ago, such as "5m"`,
      }))
})
