import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { collectSections, printSections } from './sections.ts'

const { signal } = new AbortController()

describe('collectSections', () => {
  it('has the error of a section that fails or hangs, and all others', async () => {
    const clock = createFakeClock()
    const collected = collectSections(
      {
        good: () => 1,
        nothing: () => undefined,
        thrown: () => {
          throw new Error('boom', { cause: new Error('because') })
        },
        rejected: async () => Promise.reject(new Error('no')),
        endless: () => new Promise(() => {}),
      },
      { clock, signal },
    )
    await clock.advance(10_000)
    assert.deepEqual(await collected, {
      good: 1,
      nothing: null,
      thrown: { error: 'boom: because' },
      rejected: { error: 'no' },
      endless: { error: 'it took longer than 10 s' },
    })
  })

  it('rejects when it is no longer wanted', async () => {
    const wanted = new AbortController()
    const collected = collectSections(
      { endless: () => new Promise(() => {}) },
      { clock: createFakeClock(), signal: wanted.signal },
    )
    wanted.abort(new Error('cancelled'))
    await assert.rejects(collected, /cancelled/)
  })
})

describe('printSections', () => {
  it('keeps small sections whole, and shares the rest among large ones', () => {
    const long = (length: number): string[] => Array.from({ length }, (_, at) => `line ${at}`)
    const text = printSections({ small: { a: 1 }, one: long(10_000), two: long(50_000) }, 20_000)
    assert.ok(Buffer.byteLength(text) <= 20_000, String(Buffer.byteLength(text)))
    const printed = JSON.parse(text)
    assert.deepEqual(printed.small, { a: 1 })
    for (const name of ['one', 'two']) {
      assert.ok(printed[name].length > 300, name)
      assert.ok(printed[name].at(-1).left_out > 0, name)
    }
  })
})
