import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventType } from '@plexd/protocol'
import { type Log, silentLog } from '@plexd/runtime'
import fc from 'fast-check'
import type { StoredPayload } from '../log/new-event.ts'
import type { LoggedEvent } from '../rows/log/events.ts'
import type { Reader } from '../store/db.ts'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { createSlices } from './slices.ts'
import { createSubscription, type Sink, type Subscription } from './subscription.ts'

const mine = 1
const other = 2

describe('createSubscription', () => {
  it('sends each event once and in order, wherever the seam between log and live falls', async () => {
    await using plane = await startControlPlane()
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          before: fc.nat(30),
          during: fc.nat(150),
          after: fc.nat(30),
          pauseAt: fc.nat(60),
        }),
        async ({ before, during, after, pauseAt }) => {
          const start = plane.app.heads.last()
          await emit(plane, before)
          const sink = createFakeSink({ pauseAt })
          using stream = subscribe(plane, { afterSeq: start, behind: true, sink })
          await emit(plane, during)
          sink.resume()
          await emit(plane, after)

          await stream.idle()

          assert.deepEqual(sink.written, await seqsFor(plane, mine, start))
        },
      ),
      { numRuns: 25 },
    )
  })

  it('sends only what is offered when it is not behind', async () => {
    await using plane = await startControlPlane()
    await emit(plane, 5)
    const sink = createFakeSink()
    const start = plane.app.heads.last()
    using stream = subscribe(plane, { afterSeq: start, behind: false, sink })

    await emit(plane, 4)
    await stream.idle()

    assert.deepEqual(sink.written, await seqsFor(plane, mine, start))
  })

  it('holds a few events at most for a reader that does not read, and goes on where it was', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink({ pauseAt: 1 })
    using stream = subscribe(plane, { afterSeq: 0, behind: false, sink })
    const reads = countReads(stream)

    await emit(plane, 500)
    assert.ok(sink.written.length <= 16, `${sink.written.length} were written`)
    assert.equal(reads(), 0)
    sink.resume()
    await stream.idle()

    assert.deepEqual(sink.written, await seqsFor(plane, mine, 0))
    assert.ok(reads() > 0)
  })

  it('tells a reader to pull in place of a multitude of events that a state makes up for', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink({ pauseAt: 1 })
    const turn = Promise.withResolvers<void>()
    using stream = subscribe(plane, { afterSeq: 0, behind: false, sink, turn: turn.promise })
    const reads = countReads(stream)

    await emit(plane, 500, 'peer_removed')
    const sent = sink.written.length
    sink.resume()
    await stream.idle()
    assert.equal(sink.written.length, sent)
    await emit(plane, 10, 'peer_removed')
    turn.resolve()
    await stream.idle()
    await emit(plane, 2, 'peer_removed')
    await stream.idle()

    const all = await seqsFor(plane, mine, 0)
    assert.deepEqual(sink.written, [...all.slice(0, sent), -Number(all.at(-2)), all.at(-1)])
    assert.equal(reads(), 0)
  })

  for (const { ofAll, told } of [
    { ofAll: 500, told: 'sends each new peer at once while there are few for all' },
    {
      ofAll: 501,
      told: 'tells a reader of the ninth new peer in a second to pull when there are many for all',
    },
  ])
    it(told, async () => {
      await using plane = await startControlPlane()
      const sink = createFakeSink()
      const turn = Promise.resolve()
      using stream = subscribe(plane, { afterSeq: 0, behind: false, sink, turn, ofAll })
      for (const count of [16, 2]) {
        await emit(plane, count, 'peer_added')
        await stream.idle()
      }

      const all = await seqsFor(plane, mine, 0)
      const pull = [...all.slice(0, 8), -Number(all[8])]
      assert.deepEqual(sink.written, ofAll > 500 ? pull : all)
    })

  it('sends all of them when one is among them that no state makes up for', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink({ pauseAt: 1 })
    using stream = subscribe(plane, {
      afterSeq: 0,
      behind: false,
      sink,
      turn: new Promise(() => undefined),
    })
    await emit(plane, 40, 'peer_removed')
    await emit(plane, 2, 'rotate_keys')
    await emit(plane, 400, 'peer_removed')
    sink.resume()
    await stream.idle()
    assert.deepEqual(sink.written, await seqsFor(plane, mine, 0))
  })

  it('sends the prologue first', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink()
    const lines: string[] = []
    using stream = subscribe(plane, {
      afterSeq: 0,
      behind: false,
      sink: { ...sink, write: (text) => void lines.push(text) },
      prologue: ['first', 'second'],
    })
    await emit(plane, 1)
    await stream.idle()
    assert.deepEqual(lines, ['first', 'second', '1\n'])
  })

  it('passes over events with nothing to tell, and counts them as sent', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink()
    using stream = subscribe(plane, { afterSeq: 0, behind: false, sink, passOver: [1] })
    await emit(plane, 4)
    await stream.idle()
    assert.deepEqual(sink.written, [3])
    assert.deepEqual(stream.flushed, [1, 3])
  })

  it('cuts the stream when an event cannot be sent, so that the reader comes back for it', async () => {
    await using plane = await startControlPlane()
    const sink = createFakeSink()
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
    using stream = subscribe(plane, { afterSeq: 0, behind: false, sink, failAt: 3, log })
    await emit(plane, 5)
    await stream.idle()
    assert.deepEqual(sink.written, [1])
    assert.equal(sink.destroyed(), true)
    assert.deepEqual(warnings, ['event stream cut'])
  })
})

interface FakeSink extends Sink {
  readonly written: number[]
  resume(): void
  destroyed(): boolean
}

/** Takes `pauseAt` events, and the rest after `resume`. */
function createFakeSink({ pauseAt = Number.POSITIVE_INFINITY } = {}): FakeSink {
  const written: number[] = []
  const gate = Promise.withResolvers<void>()
  let open = false
  let destroyed = false
  return {
    written,
    write(text, onFlushed) {
      written.push(...text.trimEnd().split('\n').map(Number))
      onFlushed?.()
      return !open && written.length >= pauseAt ? gate.promise : undefined
    },
    end() {},
    destroy() {
      destroyed = true
    },
    destroyed: () => destroyed,
    resume() {
      open = true
      gate.resolve()
    },
  }
}

interface TestStream extends Disposable {
  flushed: number[]
  reads: number
  idle(): Promise<void>
}

function subscribe(
  plane: TestControlPlane,
  options: {
    afterSeq: number
    behind: boolean
    sink: Sink
    prologue?: string[]
    passOver?: number[]
    failAt?: number
    /** When the reader may be told to pull, which is then written as the negative sequence. */
    turn?: Promise<void>
    /** How many events were signed for one reader each, in this second. */
    ofAll?: number
    log?: Log
  },
): TestStream {
  const { app } = plane
  const { prologue = [], passOver = [], log = silentLog } = options
  const flushed: number[] = []
  const stream: TestStream = {
    flushed,
    reads: 0,
    async idle() {
      // The next event comes only after all before it; a few turns let the last ones through.
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    [Symbol.dispose]() {
      end()
      subscription.close()
    },
  }
  const reader = new Proxy(app.store.reader, {
    get(target, name) {
      if (name === 'selectFrom') stream.reads++
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as Reader // the same, counted
  const subscription: Subscription = createSubscription({
    no: mine,
    afterSeq: options.afterSeq,
    behind: options.behind,
    reader,
    sink: options.sink,
    slices: createSlices(),
    async *prologue() {
      yield* prologue
    },
    async frameOf({ seq }) {
      if (seq === options.failAt) throw new Error('cannot be signed')
      return passOver.includes(seq) ? undefined : { text: `${seq}\n`, isResync: false }
    },
    onFlushed: (seq) => flushed.push(seq),
    ...(options.turn === undefined
      ? {}
      : {
          resync: {
            turn: () => options.turn ?? Promise.resolve(),
            frame: async (seq: number) => `${-seq}\n`,
            costlyForAll: { add: () => options.ofAll ?? 0 },
            now: () => 0,
          },
        }),
    log,
  })
  const end = app.commits.follow(({ events }) => {
    for (const event of events) if (event.audience.includes(mine)) subscription.offer(event)
  })
  return stream
}

function countReads(stream: TestStream): () => number {
  return () => stream.reads
}

const events = {
  rotate_keys: { type: 'rotate_keys', payload: {} },
  peer_removed: { type: 'peer_removed', payload: { id: 'n_gone', peer_id: 'n_gone' } },
  peer_added: {
    type: 'peer_added',
    payload: {
      id: 'n_new',
      peer_id: 'n_new',
      public_key: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      mesh_ip: '10.100.0.9',
      endpoint: '',
      allowed_ips: ['10.100.0.9/32'],
      key_epoch: 1,
    },
  },
} satisfies { [T in EventType]?: { type: T; payload: StoredPayload<T> } }

/** Each for one of two nodes in turn, a few to a transaction. */
async function emit(
  { app }: TestControlPlane,
  count: number,
  type: keyof typeof events = 'rotate_keys',
): Promise<(LoggedEvent | undefined)[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      app.change(async (unit) =>
        unit.emit({ to: [{ no: index % 2 === 0 ? mine : other }], ...events[type] }),
      ),
    ),
  )
}

async function seqsFor({ app }: TestControlPlane, no: number, after: number): Promise<number[]> {
  const { readEventsFor } = await import('../rows/log/events.ts')
  const { events } = await readEventsFor(app.store.reader, { no, afterSeq: after, limit: 100_000 })
  return events.map(({ seq }) => seq)
}
