import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { truncateOutput } from './truncate.ts'

describe('truncateOutput', () => {
  it('leaves alone what fits', () => {
    assert.equal(truncateOutput('x'.repeat(100), 100), 'x'.repeat(100))
  })

  it('cuts to the limit, note included, between characters', () => {
    for (let limit = 20; limit < 40; limit++) {
      const cut = truncateOutput('€'.repeat(100), limit)
      assert.ok(Buffer.byteLength(cut) <= limit, String(limit))
      assert.match(cut, /^€*\n\.\.\.\[truncated\]$/)
    }
  })
})
