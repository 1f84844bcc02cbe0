import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limit, limitTable, parseLimit, resolveLimits } from './limits.ts'

const table = limitTable({
  body_bytes: limit.bytes(1_024, 'a body'),
  streams: limit.count(10, 'streams'),
  wait: limit.ms(1_000, 'a wait', { min: 100, max: 60_000 }),
})

describe('limits', () => {
  it('are the defaults, but for what is given', () => {
    assert.deepEqual(resolveLimits(table, { streams: '20' }), {
      ...{ body_bytes: 1_024, streams: 20, wait: 1_000 },
    })
  })

  it('refuses a name that no limit has, and says which there are', () => {
    assert.throws(() => resolveLimits(table, { stream: 1 }), {
      message: 'there is no limit "stream": there are body_bytes, streams, wait',
    })
  })

  for (const value of [0, -1, '1.5', '', 'many', null, 1e300, {}])
    it(`refuses the value ${JSON.stringify(value)}`, () => {
      assert.throws(() => resolveLimits(table, { streams: value }), /limit streams is .*: want/)
    })

  it('refuses what is too short or too long to be meant', () => {
    for (const value of [1, '99', 60_001])
      assert.throws(() => resolveLimits(table, { wait: value }), {
        message: `limit wait is "${value}": want a whole number from 100 to 60000 ms`,
      })
  })

  it('reads NAME=NUMBER', () => {
    assert.deepEqual(parseLimit('streams=7'), ['streams', '7'])
    assert.throws(() => parseLimit('streams'), /want NAME=NUMBER/)
  })
})
