import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitTable, parseLimit, resolveLimits } from './limits.ts'

const table = limitTable({
  body_bytes: { unit: 'bytes', default: 1_024, summary: 'a body' },
  streams: { unit: 'count', default: 10, summary: 'streams' },
})

describe('limits', () => {
  it('are the defaults, but for what is given', () => {
    assert.deepEqual(resolveLimits(table, { streams: '20' }), { body_bytes: 1_024, streams: 20 })
  })

  it('refuses a name that no limit has, and says which there are', () => {
    assert.throws(() => resolveLimits(table, { stream: 1 }), {
      message: 'there is no limit "stream": there are body_bytes, streams',
    })
  })

  for (const value of [0, -1, '1.5', '', 'many', null, 1e300, {}])
    it(`refuses the value ${JSON.stringify(value)}`, () => {
      assert.throws(() => resolveLimits(table, { streams: value }), /limit streams is .*: want/)
    })

  it('reads NAME=NUMBER', () => {
    assert.deepEqual(parseLimit('streams=7'), ['streams', '7'])
    assert.throws(() => parseLimit('streams'), /want NAME=NUMBER/)
  })
})
