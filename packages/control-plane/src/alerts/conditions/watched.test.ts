import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createWatched } from './watched.ts'

describe('counters that are watched', () => {
  it('are those of names in rules that are still there', () => {
    const watched = createWatched()
    const look = (name: string, value: number, nowMs: number) =>
      watched.grewAtMs('n_web', { name, nowMs, values: [{ series: name, value, atMs: nowMs }] })

    look('lives', 1, 1)
    look('gone', 1, 1)
    for (let at = 0; at < 2_000; at++) {
      look(`gone_${at}`, 1, 2)
      assert.equal(look('lives', 1, 2), undefined)
    }

    assert.equal(look('lives', 2, 3), 3)
    assert.equal(look('gone', 2, 3), undefined, 'it was forgotten, and begins anew')
  })
})
