import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { refusalTeller } from './refusals.ts'

describe('refusalTeller', () => {
  it('writes one line a minute, with the numbers of each reason', () => {
    const clock = createFakeClock()
    const lines: unknown[] = []
    const log: Log = { ...silentLog, warn: (_message, fields) => lines.push(fields) }
    const tell = refusalTeller({ clock, log })
    for (let count = 0; count < 1_000; count++) tell('silent')
    clock.stall(60_000)
    tell('too_many')
    assert.deepEqual(lines, [{ silent: 1 }, { silent: 999, too_many: 1 }])
  })
})
