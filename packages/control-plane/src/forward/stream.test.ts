import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, type FakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import type { ForwardProgress } from '../rows/forwards.ts'
import type { ArrivedBatch } from '../telemetry/store.ts'
import type { Verdict } from './protocols/answer.ts'
import type { Outgoing } from './protocols/outgoing.ts'
import { bySize } from './protocols/parts.ts'
import { type ForwardStream, startForwardStream } from './stream.ts'
import type { Target } from './target.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const fresh: ForwardProgress = {
  name: 'f',
  kind: 'logs',
  position: '0',
  sent: 0,
  refused: 0,
  removed: 0,
  sent_at: null,
  error: null,
  error_at: null,
}

/** Records are numbers from 1; a page has three of them at most. */
function createStore() {
  const stored: number[] = []
  const listeners = new Set<(batch: ArrivedBatch) => void>()
  let count = 0
  return {
    stored,
    append(records: number) {
      for (let added = 0; added < records; added++) stored.push(++count)
      for (const tell of listeners) tell({ kind: 'logs' } as ArrivedBatch) // nobody reads more of it
    },
    prune: (records: number) => stored.splice(0, records),
    telemetry: {
      async readAfter({ after = '0' }: { after?: string | undefined }) {
        const page = stored.filter((id) => id > Number(after)).slice(0, 3)
        const last = page.at(-1) ?? Number(after)
        const removed = last - Number(after) - page.length
        const records = page.map((id) => ({
          id,
          tenant_id: 't',
          node_id: 'n',
          received_at: 0,
          record: String(id),
        }))
        return { records, removed, cursor: String(last) }
      },
      onAppend(listener: (batch: ArrivedBatch) => void) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
  }
}

const choose = (records: readonly { record: string }[]): Outgoing<unknown>[] =>
  records.map(({ record }) => ({
    origin: { node_id: 'n', hostname: 'n', tenant: 't' },
    received_at: 0,
    record: Number(record),
    bytes: 1,
  }))

function start(
  store: ReturnType<typeof createStore>,
  {
    disk,
    clock,
    send,
  }: { disk: { saved: ForwardProgress }; clock: FakeClock; send: Target['send'] },
): ForwardStream {
  return startForwardStream({
    records: 'logs',
    progress: disk.saved,
    save: async (progress) => {
      disk.saved = progress
    },
    telemetry: store.telemetry,
    choose,
    target: { divide: bySize, send, [Symbol.dispose]() {} },
    clock,
    log: silent,
  })
}

const verdicts: readonly Verdict[] = [
  { type: 'sent', refused: 0 },
  { type: 'refused', why: 'no' },
  { type: 'later', why: 'busy' },
  { type: 'too_large', why: 'large' },
]
const step = fc.oneof(
  fc.record({ append: fc.integer({ min: 1, max: 7 }) }),
  fc.record({ answer: fc.constantFrom(...verdicts) }),
  fc.record({ prune: fc.integer({ min: 1, max: 2 }) }),
  fc.constant({ kill: true }),
)

describe('a stream of records to a target', () => {
  it('offers each record at least once and in order, whatever is answered and however often it is killed; all are counted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const clock = createFakeClock()
        const store = createStore()
        const disk = { saved: fresh }
        const answers: Verdict[] = []
        const taken = new Set<number>()
        const send: Target['send'] = async (part) => {
          const verdict = answers.shift() ?? { type: 'sent', refused: 0 }
          const isSettled =
            verdict.type === 'sent' ||
            verdict.type === 'refused' ||
            (verdict.type === 'too_large' && part.length === 1)
          if (isSettled) for (const { record } of part) taken.add(Number(record))
          return { verdict, count: part.length }
        }
        const pruned = new Set<number>()
        let stream = start(store, { disk, clock, send })
        let total = 0
        let kills = 0
        for (const { append = 0, answer, prune = 0, kill } of steps as {
          append?: number
          answer?: Verdict
          prune?: number
          kill?: boolean
        }[]) {
          total += append
          if (append > 0) store.append(append)
          if (answer) answers.push(answer)
          for (const id of store.prune(prune)) if (!taken.has(id)) pruned.add(id)
          if (kill) {
            kills++
            await stream[Symbol.asyncDispose]()
            stream = start(store, { disk, clock, send })
          }
          await clock.advance(1_000)
        }
        store.append(1)
        total++
        for (let turn = 0; disk.saved.position !== String(total); turn++) {
          assert.ok(turn < 200, 'it never gets there')
          await clock.advance(60_000)
        }
        await stream[Symbol.asyncDispose]()
        for (let id = 1; id <= total; id++) assert.ok(taken.has(id) || pruned.has(id), `${id}`)
        const { sent, refused, removed } = disk.saved
        assert.ok(sent + refused + removed >= total)
        if (kills === 0) assert.equal(sent + refused + removed, total)
      }),
      { numRuns: 50 },
    )
  })

  it('ends at once while a target does not answer, and begins with the same records', async () => {
    const clock = createFakeClock()
    const store = createStore()
    const disk = { saved: fresh }
    const hanging = Promise.withResolvers<void>()
    store.append(2)
    const stream = start(store, {
      disk,
      clock,
      send: (_part, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          hanging.resolve()
        }),
    })
    await hanging.promise
    await stream[Symbol.asyncDispose]()
    assert.equal(disk.saved, fresh)
  })

  it('holds parts of a MiB, and a larger record alone', () => {
    const [record] = choose([{ record: '1' }])
    assert.ok(record)
    const of = (bytes: number) => ({ ...record, bytes })
    const sizes = [600_000, 500_000, 400_000, 5_000_000, 1]
    assert.deepEqual(
      bySize(sizes.map(of)).map((part) => part.map(({ bytes }) => bytes)),
      [[600_000], [500_000, 400_000], [5_000_000], [1]],
    )
  })
})
