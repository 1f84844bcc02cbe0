import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { headerFaults } from './proxies/proxy-header.ts'
import { headerFaultTeller, refusalTeller } from './refusals.ts'

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

describe('headerFaultTeller', () => {
  it('writes one line a minute for each fault, with how many had it, and the balancer of the last', () => {
    const clock = createFakeClock()
    const lines: unknown[] = []
    const log: Log = { ...silentLog, warn: (_message, fields) => lines.push(fields) }
    const tell = headerFaultTeller({ clock, log })
    const { v1, tls } = headerFaults
    for (let count = 0; count < 1_000; count++)
      tell({ balancer: `10.0.0.${count % 250}`, why: tls })
    tell({ balancer: '10.0.0.9', why: v1 })
    clock.stall(60_000)
    tell({ balancer: '10.0.0.8', why: tls })
    assert.deepEqual(lines, [
      { balancer: '10.0.0.0', why: tls, count: 1 },
      { balancer: '10.0.0.9', why: v1, count: 1 },
      { balancer: '10.0.0.8', why: tls, count: 1_000 },
    ])
  })
})
