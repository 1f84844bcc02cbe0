import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveLimits } from '@plexd/runtime'
import { limits } from '../limits.ts'
import { recordsOf, textOf } from '../telemetry/packs/pack.ts'
import { createParser } from './parser.ts'

const record = '{"timestamp":"2025-01-15T10:30:00Z","message":"m"}'
const lines = (count: number): Buffer => Buffer.from(`${record}\n`.repeat(count))

describe('createParser', () => {
  it('reads the same on the thread as here', async () => {
    await using parser = createParser(resolveLimits(limits, {}))
    const [small, large] = await Promise.all([
      parser.parse('logs', lines(1_000)),
      parser.parse('logs', lines(10_000)),
    ])
    assert.deepEqual([small.count, large.count], [1_000, 10_000])
    const [pack] = large.packs
    assert.equal(recordsOf(textOf(pack?.body ?? new Uint8Array())).at(-1), record)
  })

  it('refuses in the same words', async () => {
    await using parser = createParser(resolveLimits(limits, {}))
    for (const body of [' ', ' '.repeat(500_000)])
      await assert.rejects(parser.parse('logs', Buffer.from(body)), {
        name: 'ApiError',
        status: 400,
        message: 'the batch is empty',
      })
  })

  it('leaves the event loop to others', async () => {
    await using parser = createParser(resolveLimits(limits, {}))
    await parser.parse('logs', lines(10_000))
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await parser.parse('logs', lines(50_000))
    clearInterval(timer)
    assert.ok(turns >= 3, `${turns} turns`)
  })

  it('answers 503 to who waits when it ends', async () => {
    const parser = createParser(resolveLimits(limits, {}))
    const waiting = assert.rejects(parser.parse('logs', lines(50_000)), { status: 503 })
    await parser[Symbol.asyncDispose]()
    await waiting
  })
})
