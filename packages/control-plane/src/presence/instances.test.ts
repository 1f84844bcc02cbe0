import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IdentityInUse } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { createInstances } from './instances.ts'

const second = 1_000

describe('instances', () => {
  it('are two machines when an older one comes back, and the newer one lives on', async () => {
    const { clock, hear, inUse, clones } = setUp()
    hear('a')
    await clock.advance(60 * second)
    hear('b')
    await clock.advance(20 * second)
    hear('a')
    assert.equal(inUse(), undefined)
    await clock.advance(10 * second)
    hear('b')

    assert.deepEqual(inUse(), {
      since: new Date(clock.now()).toISOString(),
      addresses: ['203.0.113.1', '203.0.113.2'],
    })
    await clock.advance(20 * second)
    hear('a')
    await clock.advance(20 * second)
    hear('b')
    assert.equal(clones.length, 1)

    // One of the two was stopped.
    for (let beat = 0; beat < 3; beat++) {
      await clock.advance(30 * second)
      hear('b')
    }
    assert.equal(inUse(), undefined)
  })

  it('are one that was restarted, however often', async () => {
    const { clock, hear, clones } = setUp()
    for (let start = 0; start < 50; start++) {
      for (let beat = 0; beat < start % 4; beat++) {
        hear(`start-${start}`)
        await clock.advance(30 * second)
      }
      await clock.advance((start % 3) * second)
    }
    assert.deepEqual(clones, [])
  })

  it('are one whose last word came after the first of the next', async () => {
    const { clock, hear, clones } = setUp()
    hear('a')
    hear('b')
    await clock.advance(4 * second)
    hear('a')
    for (let beat = 0; beat < 10; beat++) {
      hear('b')
      await clock.advance(30 * second)
    }
    assert.deepEqual(clones, [])
  })

  it('are one that came back from a snapshot, when the newer one is silent', async () => {
    const { clock, hear, clones } = setUp()
    hear('a')
    await clock.advance(30 * second)
    hear('b')
    for (let beat = 0; beat < 10; beat++) {
      await clock.advance(30 * second)
      hear('a')
    }
    assert.deepEqual(clones, [])
  })

  it('are never said of who has no name', async () => {
    const { clock, hear, clones } = setUp()
    for (let beat = 0; beat < 20; beat++) {
      hear(undefined)
      hear('a')
      await clock.advance(30 * second)
    }
    assert.deepEqual(clones, [])
  })

  it('are noticed within a minute of the second start, whenever the two report, also by a control plane that was restarted', () => {
    const phase = fc.integer({ min: 0, max: 29 })
    return fc.assert(
      fc.asyncProperty(phase, phase, fc.boolean(), async (a, b, fresh) => {
        const { clock, hear, inUse } = setUp()
        if (!fresh) hear('a')
        for (let passed = 0; passed <= 65; passed++) {
          if (passed % 30 === a) hear('a')
          if (passed % 30 === b) hear('b')
          await clock.advance(second)
        }
        const apart = (a - b + 30) % 30
        // Two that always report within five seconds of each other are told apart by their streams, which come between.
        if (apart > 5 && apart < 25) assert.ok(inUse())
      }),
      { numRuns: 30 },
    )
  })
})

function setUp() {
  const clock = createFakeClock()
  const clones: IdentityInUse[] = []
  const instances = createInstances({
    clock,
    heartbeatIntervalMs: 30 * second,
    onClone: (_, use) => clones.push(use),
  })
  return {
    clock,
    clones,
    inUse: () => instances.inUse(1),
    hear: (id: string | undefined) =>
      instances.heard(1, { id, address: id === 'a' ? '203.0.113.1' : '203.0.113.2' }),
  }
}
