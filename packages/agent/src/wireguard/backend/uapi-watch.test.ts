import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createUapiWatch, loadSetAccessTime } from './uapi-watch.ts'

describe('createUapiWatch', () => {
  for (const when of ['before', 'after'] as const)
    it(`notices another program that connects just ${when} we do`, async () => {
      await using setup = await setUp()
      await setup.connectBeside({ [when]: setup.visit })
      assert.equal(setup.watch.sawOthers(), true)
      setup.settle()
    })

  it('notices another program that connects between our check of the time and its reset', async () => {
    await using setup = await setUp()
    await setup.connectBeside()
    setup.settle()
    setup.visit()
    setup.pass(60)
    setup.look({ beforeArming: setup.visit })
    setup.settle()
  })

  it('wants a look at once, and two later, for what a program changes after it has connected', async () => {
    await using setup = await setUp()
    await setup.connectBeside()
    const wanted = [0, 49, 1, 1_949, 1, 10_000].map((ms) => {
      setup.pass(ms)
      const isWanted = setup.watch.sawOthers()
      if (isWanted) setup.look()
      return isWanted
    })
    assert.deepEqual(wanted, [true, false, true, false, true, false])
  })

  it('does not take two connections of ours for a sign that times are not kept', async () => {
    await using setup = await setUp()
    await Promise.all([setup.connectBeside(), setup.connectBeside()])
    assert.equal(setup.watch.sawOthers(), true)
    setup.settle()
  })

  it('says that it cannot know where a connection leaves no time', async () => {
    await using setup = await setUp()
    await setup.watch.connecting(() => {})
    assert.equal(setup.watch.sawOthers(), undefined)
  })

  it('wants a look after each change, in whatever order all of it happens', async () => {
    const visit = fc.record({ speaksAfterMs: fc.oneof(fc.nat(49), fc.nat(1_999)) })
    const maybeVisit = fc.option(visit, { nil: undefined })
    const ms = fc.oneof(fc.nat(80), fc.nat(2_500))
    const step = fc.oneof(
      fc.record({ type: fc.constant('visit' as const), visit }),
      fc.record({ type: fc.constant('pass' as const), ms }),
      fc.record({ type: fc.constant('connect' as const), before: maybeVisit, after: maybeVisit }),
      fc.record({
        type: fc.constant('look' as const),
        beforeArming: maybeVisit,
        meanwhile: maybeVisit,
        ms,
      }),
    )
    await using setup = await setUp()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await setup.connectBeside()
        for (const one of steps) {
          if (one.type === 'visit') setup.visit(one.visit)
          else if (one.type === 'pass') setup.pass(one.ms)
          else if (one.type === 'look')
            setup.look({
              beforeArming: () => one.beforeArming && setup.visit(one.beforeArming),
              meanwhile() {
                if (one.meanwhile) setup.visit(one.meanwhile)
                setup.pass(one.ms)
              },
            })
          else
            await setup.connectBeside({
              before: () => one.before && setup.visit(one.before),
              after: () => one.after && setup.visit(one.after),
            })
        }
        setup.settle()
      }),
      { numRuns: 300 },
    )
  })
})

/** Others connect to a socket, and change something then or within 2 s, by a clock of the test. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const path = join(folder, 'plexd0.sock')
  const server = createServer((socket) => void socket.on('error', () => {}).destroy())
  server.listen(path)
  await once(server, 'listening')
  const setAccessTime = await loadSetAccessTime()
  let nowMs = 1_000
  let beforeArming: () => unknown = () => undefined
  const watch = createUapiWatch(path, {
    clock: { monotonic: () => nowMs },
    loading: Promise.resolve((...time) => {
      beforeArming()
      return setAccessTime?.(...time) ?? false
    }),
  })
  /** When others make their changes. */
  let announced: number[] = []
  let made = 0
  let shown = 0

  function pass(ms: number): void {
    nowMs += ms
    made += announced.filter((atMs) => atMs <= nowMs).length
    announced = announced.filter((atMs) => atMs > nowMs)
  }

  function connectOnce(): void {
    connect(path)
      .on('error', () => {})
      .destroy()
  }

  function look(during: { beforeArming?(): unknown; meanwhile?(): unknown } = {}): void {
    beforeArming = () => {
      beforeArming = () => {}
      during.beforeArming?.()
    }
    const lookEnds = watch.lookStarts()
    beforeArming = () => {}
    shown = made
    during.meanwhile?.()
    lookEnds()
  }

  async function connectBeside(
    others: { before?(): unknown; after?(): unknown } = {},
  ): Promise<void> {
    await watch.connecting(() => {
      others.before?.()
      connectOnce()
      others.after?.()
    })
  }

  return {
    watch,
    pass,
    look,
    connectBeside,
    visit({ speaksAfterMs = 0 } = {}) {
      connectOnce()
      announced.push(nowMs + speaksAfterMs)
      pass(0)
    },
    /** Looks when the watch wants it, and only then; all changes have been seen in the end. */
    settle() {
      for (let elapsedMs = 0; elapsedMs <= 2_000; elapsedMs += 25) {
        if (watch.sawOthers()) look()
        pass(25)
      }
      assert.equal(watch.sawOthers(), false)
      assert.equal(made - shown, 0, 'changes that no look has shown')
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
