import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSerials } from './serials.ts'

const timeMs = Date.parse('2026-11-27T01:00:00Z')

function seen(serials: ReturnType<typeof createSerials>, ...numbers: number[]): boolean[] {
  return numbers.map((serial) => serials.isNew({ serial, timeMs }, 0))
}

describe('the numbers of events', () => {
  it('tell how many never came, once it is late for them', () => {
    const serials = createSerials(undefined, 0)
    assert.deepEqual(seen(serials, 7, 8, 12, 10, 20), [true, true, true, true, true])
    assert.equal(serials.takeLost(4_999), 0)
    assert.equal(serials.takeLost(5_000), 9)
    assert.equal(serials.takeLost(60_000), 0)
  })

  it('tell what came before, also before a restart', () => {
    const serials = createSerials(undefined, 0)
    assert.deepEqual(seen(serials, 7, 8, 8, 10, 7), [true, true, false, true, false])
    const after = createSerials(serials.kept(), 0)
    assert.deepEqual(seen(after, 8, 9, 13), [false, true, true])
    assert.equal(after.takeLost(5_000), 2)
  })

  it('begin again with the machine', () => {
    const serials = createSerials({ serial: 5_000, timeMs, holes: [] }, 0)
    assert.equal(serials.isNew({ serial: 2, timeMs: timeMs + 60_000 }, 0), true)
    assert.equal(serials.isNew({ serial: 3, timeMs: timeMs + 60_001 }, 0), true)
    assert.equal(serials.takeLost(5_000), 0)
  })

  it('are bounded in memory, and each missing one is counted', () => {
    const serials = createSerials(undefined, 0)
    for (let serial = 0; serial <= 2_000; serial += 2) seen(serials, serial)
    assert.ok((serials.kept()?.holes.length ?? 0) <= 64)
    assert.equal(serials.takeLost(5_000), 1_000)
  })
})
