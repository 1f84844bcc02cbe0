import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createKeptLines } from './kept-lines.ts'

describe('createKeptLines', () => {
  it('keeps the newest within both limits, in order', () => {
    const clock = { now: () => 7 }
    const kept = createKeptLines({ maxLines: 10, maxChars: 60, clock })
    for (let at = 0; at < 100; at++) {
      kept.add(`line ${at}`)
      const lines = kept.list()
      assert.deepEqual(lines.at(-1), { atMs: 7, text: `line ${at}` })
      assert.ok(lines.length <= 10 && lines.length > Math.min(at, 3))
      assert.ok(lines.reduce((sum, { text }) => sum + text.length, 0) <= 60)
    }
  })

  it('forgets a line that alone is too long', () => {
    const kept = createKeptLines({ maxChars: 10 })
    kept.add('x'.repeat(11))
    assert.deepEqual(kept.list(), [])
  })
})
