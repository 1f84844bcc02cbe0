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
      setup.read()
      assert.equal(setup.watch.sawOthers(), true)

      setup.pass(50)
      setup.read()
      assert.equal(setup.watch.sawOthers(), false)
    })

  it('notices another program that connects between our look at the time and its being set back', async () => {
    await using setup = await setUp()
    await setup.settle()
    setup.visit()
    setup.pass(60)
    setup.read({ beforeArming: setup.visit })
    setup.pass(49)
    setup.read()
    assert.equal(setup.watch.sawOthers(), true)

    setup.pass(1)
    setup.read()
    assert.equal(setup.watch.sawOthers(), false)
  })

  it('does not take two connections of ours for a sign that times are not kept', async () => {
    await using setup = await setUp()
    await Promise.all([setup.connectBeside(), setup.connectBeside()])
    assert.equal(setup.watch.sawOthers(), true)
    setup.pass(50)
    setup.read()
    assert.equal(setup.watch.sawOthers(), false)
  })

  it('says that it cannot know where a connection leaves no time', async () => {
    await using setup = await setUp()
    await setup.watch.connecting(() => {})
    assert.equal(setup.watch.sawOthers(), undefined)
  })

  it('calls no change settled that no read has shown, in whatever order all of it happens', async () => {
    const visit = fc.record({ speaksAfterMs: fc.nat(49) })
    const maybeVisit = fc.option(visit, { nil: undefined })
    const step = fc.oneof(
      fc.record({ type: fc.constant('visit' as const), visit }),
      fc.record({ type: fc.constant('pass' as const), ms: fc.nat(80) }),
      fc.record({ type: fc.constant('connect' as const), before: maybeVisit, after: maybeVisit }),
      fc.record({
        type: fc.constant('read' as const),
        beforeArming: maybeVisit,
        meanwhile: maybeVisit,
        ms: fc.nat(80),
      }),
    )
    await using setup = await setUp()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await setup.settle()
        for (const one of steps) {
          if (one.type === 'visit') setup.visit(one.visit)
          else if (one.type === 'pass') setup.pass(one.ms)
          else if (one.type === 'read')
            setup.read({
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
          if (setup.watch.sawOthers() === false) assert.equal(setup.unread(), 0)
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** Others connect to a socket, and change something then or up to 50 ms later, by a clock of the test. */
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

  function read(during: { beforeArming?(): unknown; meanwhile?(): unknown } = {}): void {
    beforeArming = () => {
      beforeArming = () => {}
      during.beforeArming?.()
    }
    const readingEnds = watch.readingStarts()
    beforeArming = () => {}
    shown = made
    during.meanwhile?.()
    readingEnds()
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
    read,
    connectBeside,
    visit({ speaksAfterMs = 0 } = {}) {
      connectOnce()
      announced.push(nowMs + speaksAfterMs)
      pass(0)
    },
    /** How many changes of others no read has shown. */
    unread: () => made - shown,
    async settle() {
      await connectBeside()
      pass(50)
      read()
      assert.equal(watch.sawOthers(), false)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
