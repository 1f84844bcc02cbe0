import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { failureTeller } from './failures.ts'

describe('failureTeller', () => {
  it('writes what fails alike at once, and then every ten seconds how often it did', () => {
    const { tell, lines, clock } = setUp()
    for (let count = 0; count < 1_000; count++) tell(away)
    tell(bug)
    clock.stall(10_000)
    tell(away)
    tell(bug)
    assert.deepEqual(lines, [away, bug, { ...away, count: 1_000 }, bug])
  })
})

const away = { method: 'POST', route: '/v1/heartbeat', error: 'the database cannot be reached' }
const bug = { method: 'GET', route: '/v1/state', error: 'TypeError: of undefined' }

function setUp() {
  const clock = createFakeClock()
  const lines: unknown[] = []
  const log: Log = { ...silentLog, error: (_message, fields) => lines.push(fields) }
  return { clock, lines, tell: failureTeller({ clock, log }) }
}
