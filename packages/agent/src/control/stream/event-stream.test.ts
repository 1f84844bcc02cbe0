import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type UnsignedEvent } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { createProblems } from '../../health/problems.ts'
import { createVitals } from '../../health/vitals.ts'
import { openTestDatabase } from '../../testing/database.ts'
import { createTestSigner } from '../../testing/signer.ts'
import { createClockSkew } from '../client/clock-skew.ts'
import type { StreamConnection } from './connection.ts'
import { type EventStream, startEventStream } from './event-stream.ts'
import { createEventVerifier } from './event-verifier.ts'
import { createStreamMemory } from './memory.ts'

const minute = 60_000
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('event stream', () => {
  it('handles events in order and moves its cursor behind them', async () => {
    await using setup = await setUp()
    const { signer } = setup
    setup.serve(
      await signer.block({ id: '1-7', eventId: 'a' }),
      await signer.block({ id: '1-9', eventId: 'b' }),
    )
    setup.start()
    await setup.advance(0)

    assert.deepEqual(setup.handled, ['a', 'b'])
    assert.equal(setup.memory.cursor(), '1-9')
    assert.equal(setup.vitals.last_event_id, '1-9')
  })

  it('waits at least 1 s between connections that are closed in order', async () => {
    await using setup = await setUp()
    setup.start()
    await setup.advance(10 * minute)

    const gaps = setup.connects
      .slice(1)
      .map(({ atMs }, at) => atMs - (setup.connects[at]?.atMs ?? 0))
    assert.ok(Math.min(...gaps) >= 1_000, `shortest gap ${Math.min(...gaps)} ms`)
    assert.ok(setup.connects.length < 25, `${setup.connects.length} connections in 10 min`)
  })

  it('opens the stream again at once when its address is lost, and only then', async () => {
    await using setup = await setUp()
    setup.hold()
    setup.hold()
    setup.start()
    await setup.advance(0)
    setup.keepOnly('192.0.2.1', '192.0.2.2')
    await setup.advance(0)
    assert.equal(setup.connects.length, 1)
    setup.keepOnly('192.0.2.2')
    await setup.advance(0)
    assert.equal(setup.connects.length, 2)
  })

  it('is opened again at once when another address of the control plane is in use', async () => {
    await using setup = await setUp()
    setup.hold()
    setup.hold()
    setup.start()
    await setup.advance(0)
    setup.moveTo('https://one.example.com')
    await setup.advance(0)
    assert.equal(setup.connects.length, 1)
    setup.moveTo('https://two.example.com')
    await setup.advance(0)
    assert.equal(setup.connects.length, 2)
  })

  it('asks again for an event whose handler failed, and for those behind it', async () => {
    await using setup = await setUp()
    const { signer } = setup
    const events = [
      { id: '1-1', eventId: 'a' },
      { id: '1-2', eventId: 'b' },
      { id: '1-3', eventId: 'c' },
    ]
    const resend = async () => Promise.all(events.map((event) => signer.block(event)))
    setup.failures.set('b', 1)
    setup.serve(...(await resend()))
    setup.start()
    await setup.advance(0)
    assert.equal(setup.memory.cursor(), '1-1')

    setup.serve(...(await resend()))
    await setup.advance(3_000)

    assert.equal(setup.connects.at(1)?.lastEventId, '1-1')
    assert.deepEqual(setup.handled.filter((id) => id === 'a').length, 1)
    assert.deepEqual(setup.handled.slice(-2), ['b', 'c'])
    assert.equal(setup.memory.cursor(), '1-3')
  })

  it('skips an event that nobody can handle after five attempts, and has its subject pulled', async () => {
    await using setup = await setUp()
    const { signer } = setup
    setup.failures.set('poison', 100)
    for (let times = 0; times < 5; times++) {
      setup.serve(
        await signer.block({ id: '1-1', eventId: 'poison' }),
        await signer.block({ id: '1-2', eventId: `b${times}` }),
      )
    }
    setup.start()
    for (let times = 0; times < 5; times++) await setup.advance(minute)

    assert.equal(setup.gaps, 1)
    assert.equal(setup.memory.cursor(), '1-2')
  })

  it('refuses forged, stale and replayed events, and believes the good ones among them', async () => {
    await using setup = await setUp()
    const { signer, clock } = setup
    const forger = await createTestSigner(clock)
    const good = await signer.block({ id: '1-4', eventId: 'good' })
    setup.serve(
      await forger.block({ id: '1-1', eventId: 'forged' }),
      await signer.block({ id: '1-2', eventId: 'stale', issuedMs: clock.now() - 6 * minute }),
      'id: 1-3\ndata: {"nonsense\n\n',
      good,
      good,
    )
    setup.start()
    await setup.advance(0)

    assert.deepEqual(setup.handled, ['good'])
    assert.deepEqual(Object.fromEntries(setup.vitals.refused), {
      'bad signature': 1,
      stale: 1,
      malformed: 1,
      replayed: 1,
    })
    assert.equal(setup.gaps, 3, 'a replayed event is nothing that we miss')
  })

  it('does not move its cursor for a refused event', async () => {
    await using setup = await setUp()
    const forger = await createTestSigner(setup.clock)
    setup.serve(await setup.signer.block({ id: '1-4' }), await forger.block({ id: '1-5' }))
    setup.start()
    await setup.advance(0)

    assert.equal(setup.memory.cursor(), '1-4')
    assert.equal(setup.problems.list().length, 1)
  })

  for (const by of ['a pull', 'an event'] as const)
    it(`asks again for what is signed with a key that it learns by ${by}, at once when it has`, async () => {
      await using setup = await setUp()
      const { signer, memory } = setup
      const next = await createTestSigner(setup.clock)
      const learn = (): void =>
        void Object.assign(signer.keys, {
          previous: next.keys.current,
          transition_expires: new Date(setup.clock.now() + 60 * minute).toISOString(),
        })
      setup.serve(
        await signer.block({ id: '1-4', eventId: 'a' }),
        await next.block({ id: '1-5', eventId: 'action' }),
        ...(by === 'an event' ? [await signer.block({ eventId: 'key' })] : []),
        await next.block({ id: '1-6', eventId: 'b' }),
        'hold',
      )
      if (by === 'an event') setup.onHandled = (id) => id === 'key' && learn()
      setup.serve(
        await next.block({ id: '1-5', eventId: 'action' }),
        await next.block({ id: '1-6', eventId: 'b' }),
      )
      setup.start()
      await setup.advance(0)
      if (by === 'a pull') {
        assert.deepEqual(setup.handled, ['a'])
        learn()
        setup.keyLearned()
        await setup.advance(0)
      }

      assert.deepEqual(setup.connects.map(({ lastEventId }) => lastEventId).slice(0, 2), [
        '',
        '1-4',
      ])
      assert.deepEqual(setup.handled.filter((id) => id !== 'key').sort(), ['a', 'action', 'b'])
      assert.equal(memory.cursor(), '1-6')
    })

  it('handles an event once that is sent twice under new signatures', async () => {
    await using setup = await setUp()
    const { signer } = setup
    setup.serve(
      await signer.block({ id: '1-1', eventId: 'a' }),
      await signer.block({ id: '1-1', eventId: 'a' }),
    )
    setup.serve(await signer.block({ id: '1-1', eventId: 'a' }))
    setup.start()
    await setup.advance(10_000)

    assert.deepEqual(setup.handled, ['a'])
    assert.equal(setup.memory.cursor(), '1-1')
  })

  it('goes on behind a block that is too large for ever', async () => {
    await using setup = await setUp()
    setup.memory.commit([{ id: '1-3', eventId: 'x', nonce: 'x' }])
    setup.serve(...Array.from({ length: 18 }, () => `data: ${'x'.repeat(1024 * 1024)}\n`))
    setup.serve(await setup.signer.block({ id: '1-9', eventId: 'next' }))
    setup.start()
    await setup.advance(5_000)

    assert.deepEqual(
      setup.connects.slice(0, 2).map(({ lastEventId }) => lastEventId),
      ['1-3', ''],
    )
    assert.equal(setup.gaps, 1)
    assert.deepEqual(setup.handled, ['next'])
  })

  it('retries a refused node slowly, and says so', async () => {
    await using setup = await setUp()
    setup.refuseWith = new ApiError('unauthorized', 'unauthorized')
    setup.start()
    await setup.advance(20_000)

    assert.equal(setup.connects.length, 1)
    assert.equal(setup.vitals.stream, 'refused')
    assert.match(setup.problems.list().join(), /does not accept this node any more/)

    setup.refuseWith = undefined
    setup.hold()
    await setup.advance(2 * minute)
    assert.equal(setup.vitals.stream, 'connected')
    assert.deepEqual(setup.problems.list(), [])
  })

  it('says that it polls after 5 min without a stream', async () => {
    await using setup = await setUp()
    setup.refuseWith = new Error('connection refused')
    setup.start()
    await setup.advance(4 * minute)
    assert.equal(setup.vitals.stream, 'connecting')
    await setup.advance(3 * minute)
    assert.equal(setup.vitals.stream, 'polling')
  })

  it('waits no longer once another request has got through, unless it was told to', async () => {
    await using setup = await setUp()
    setup.refuseWith = new Error('no route')
    setup.start()
    await setup.advance(10 * minute)
    const before = setup.connects.length
    setup.wake()
    await setup.advance(0)
    assert.equal(setup.connects.length, before + 1)

    setup.refuseWith = new ApiError('unavailable', 'stopping', { retryAfterSeconds: 600 })
    setup.wake()
    await setup.advance(0)
    assert.equal(setup.connects.length, before + 2)
    setup.wake()
    await setup.advance(minute)
    assert.equal(setup.connects.length, before + 2)
  })

  it('asks for a reconciliation with every connection', async () => {
    await using setup = await setUp()
    setup.start()
    await setup.advance(5_000)
    assert.ok(setup.connects.length > 1)
    assert.equal(setup.reconciles, setup.connects.length)
  })

  it('stops while it waits for bytes', async () => {
    const setup = await setUp()
    setup.hold()
    setup.start()
    await setup.advance(0)
    assert.equal(setup.vitals.stream, 'connected')

    await setup[Symbol.asyncDispose]()

    assert.equal(setup.vitals.stream, 'stopped')
  })
})

/** A stream whose connections a test scripts: each serves its blocks and is closed. */
async function setUp() {
  const store = openTestDatabase()
  const clock = createFakeClock()
  const signer = await createTestSigner(clock)
  const memory = createStreamMemory(store.database, clock)
  const problems = createProblems()
  const script: (string[] | 'hold')[] = []
  let stream: EventStream | undefined

  async function* chunksOf(blocks: string[] | 'hold', signal: AbortSignal) {
    if (blocks === 'hold') await clock.sleep(24 * 60 * minute, signal)
    else
      for (const block of blocks)
        if (block === 'hold') await clock.sleep(24 * 60 * minute, signal)
        else yield bytes(block)
  }

  /** Signatures are checked on other threads: time must not go on meanwhile. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet = verifying > 0 ? 0 : quiet + 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  let verifying = 0
  const verify = createEventVerifier(memory, () => signer.keys, {
    clock,
    limits: defaultConfig.limits,
  })

  const setup = {
    async advance(ms: number) {
      await settle()
      await clock.advance(ms)
      await settle()
    },
    clock,
    signer,
    memory,
    problems,
    vitals: createVitals(),
    handled: [] as string[],
    /** Event id -> how many times its handler will fail. */
    failures: new Map<string, number>(),
    gaps: 0,
    onHandled: (_eventId: string): unknown => undefined,
    reconciles: 0,
    connects: [] as { atMs: number; lastEventId: string }[],
    refuseWith: undefined as Error | undefined,
    serve: (...blocks: string[]) => script.push(blocks),
    hold: () => script.push('hold'),
    keepOnly: (...addresses: string[]) => stream?.keepOnly(new Set(addresses)),
    moveTo: (url: string) => stream?.moveTo(url),
    keyLearned: () => stream?.keyLearned(),
    wake: () => stream?.wake(),
    start() {
      stream = startEventStream({
        limits: defaultConfig.limits,
        async connect({ lastEventId, signal }): Promise<StreamConnection> {
          setup.connects.push({ atMs: clock.now(), lastEventId })
          if (setup.refuseWith) throw setup.refuseWith
          return {
            chunks: chunksOf(script.shift() ?? [], signal),
            date: undefined,
            localAddress: '192.0.2.1',
            apiUrl: 'https://one.example.com',
          }
        },
        verify: (text) => {
          verifying++
          return verify(text).finally(() => verifying--)
        },
        keys: () => JSON.stringify(signer.keys),
        memory,
        revision: () => '',
        async handle({ event_id }: UnsignedEvent) {
          const left = setup.failures.get(event_id) ?? 0
          setup.failures.set(event_id, left - 1)
          if (left > 0) throw new Error('disk full')
          setup.handled.push(event_id)
          setup.onHandled(event_id)
        },
        onConnect: () => void setup.reconciles++,
        onGap: () => void setup.gaps++,
        describe: String,
        vitals: setup.vitals,
        problems,
        skew: createClockSkew({ clock, log: silentLog, problems }),
        clock,
        log: silentLog,
        random: () => 0.5,
      })
    },
    async [Symbol.asyncDispose]() {
      await stream?.[Symbol.asyncDispose]()
      store[Symbol.dispose]()
    },
  }
  return setup
}
