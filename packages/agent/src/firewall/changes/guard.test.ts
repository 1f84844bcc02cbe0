import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { startFirewallGuard } from './guard.ts'

describe('the firewall guard', () => {
  it('has the table looked at within a tenth of a second after somebody else changed it', async () => {
    const { clock, world, guard } = start()
    await clock.advance(1_000)
    world.change()
    await clock.advance(100)
    assert.equal(world.looks, 1)
    await clock.advance(60_000)
    assert.equal(world.looks, 1)
    await guard[Symbol.asyncDispose]()
    assert.equal(world.closed, true)
  })

  it('is as quick the hundredth time, and says that somebody keeps changing it', async () => {
    const { clock, world, guard } = start()
    for (let times = 1; times <= 100; times++) {
      world.change()
      await clock.advance(200)
      assert.equal(world.looks, times)
    }
    assert.equal(world.told, 100)
    await guard[Symbol.asyncDispose]()
  })

  it('has the table checked when the backstop has ended', async () => {
    const { clock, world, guard } = start()
    await clock.advance(60_000)
    world.endBackstop()
    await clock.advance(100)
    assert.equal(world.looks, 1)
    await clock.advance(60_000)
    assert.equal(world.looks, 1)
    await guard[Symbol.asyncDispose]()
  })

  it('pauses longer and longer for a backstop that cannot be started again, and not for the table', async () => {
    const { clock, world, guard } = start()
    world.cannotStart = true
    world.endBackstop()
    await clock.advance(10 * 60_000)
    assert.ok(world.looks > 5 && world.looks < 30, `${world.looks} looks`)
    const { looks } = world
    world.change()
    await clock.advance(200)
    assert.equal(world.looks, looks + 1)

    world.cannotStart = false
    await clock.advance(2 * 60_000)
    assert.equal(world.isBackstopLost, false)
    world.endBackstop()
    await clock.advance(200)
    assert.equal(world.isBackstopLost, false)
    await guard[Symbol.asyncDispose]()
  })

  it('tries again, with growing pauses, while it cannot be put right', async () => {
    const { clock, world, guard } = start()
    world.fails = true
    world.change()
    await clock.advance(10_000)
    assert.ok(world.looks > 3 && world.looks < 12, `${world.looks} looks`)
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
  const world = {
    change: () => {},
    endBackstop: () => {},
    looks: 0,
    told: 0,
    fails: false,
    isBackstopLost: false,
    cannotStart: false,
    closed: false,
  }
  const guard = startFirewallGuard({
    socket: {
      follow(onNews) {
        const author = { portId: 99, processId: 99, name: 'nft' }
        world.change = () =>
          onNews({ changes: [{ portId: 99, table: 'plexd' }], authors: [author] })
      },
      close() {
        world.closed = true
      },
    },
    isOurs: () => false,
    isBackstopLost: () => world.isBackstopLost,
    onBackstopEnd(listener) {
      world.endBackstop = () => {
        world.isBackstopLost = true
        listener()
      }
      return () => {}
    },
    foreign: { add: () => world.told++, check() {}, isFight: () => false },
    async look() {
      world.looks++
      if (!world.cannotStart) world.isBackstopLost = false
      if (world.fails) throw new Error('nft: no memory')
    },
    clock,
    log: silentLog,
  })
  return { clock, world, guard }
}
