import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, silentLog } from '@plexd/runtime'
import { startFirewallGuard } from './guard.ts'

describe('the firewall guard', () => {
  it('has the table looked at within a tenth of a second after somebody else changed it', async () => {
    const { clock, world, guard } = start()
    await clock.advance(1_000)
    world.changes = 1
    await clock.advance(100)
    assert.equal(world.looks, 1)
    await clock.advance(60_000)
    assert.equal(world.looks, 1)
    await guard[Symbol.asyncDispose]()
    assert.equal(world.closed, true)
  })

  it('does not fight at full speed with somebody who keeps changing it', async () => {
    const { clock, world, guard } = start()
    world.changes = Number.POSITIVE_INFINITY
    await clock.advance(60_000)
    assert.ok(world.looks > 5 && world.looks < 12, `${world.looks} looks`)
    world.changes = 0
    await clock.advance(300_000)
    world.looks = 0
    world.changes = 1
    await clock.advance(100)
    assert.equal(world.looks, 1)
    await guard[Symbol.asyncDispose]()
  })

  it('tries again, with growing pauses, while it cannot be put right', async () => {
    const { clock, world, guard } = start()
    world.fails = true
    world.changes = 1
    await clock.advance(10_000)
    assert.ok(world.looks > 3 && world.looks < 9, `${world.looks} looks`)
    world.fails = false
    await clock.advance(60_000)
    const { looks } = world
    await clock.advance(60_000)
    assert.equal(world.looks, looks)
    await guard[Symbol.asyncDispose]()
  })
})

function start() {
  const clock = createFakeClock()
  const world = { changes: 0, looks: 0, fails: false, closed: false }
  const guard = startFirewallGuard({
    socket: {
      read() {
        if (world.changes === 0) return []
        world.changes--
        return [{ portId: 99, table: 'plexd' }]
      },
      close() {
        world.closed = true
      },
    },
    isOurs: () => false,
    async look() {
      world.looks++
      if (world.fails) throw new Error('nft: no memory')
    },
    clock,
    log: silentLog,
  })
  return { clock, world, guard }
}
