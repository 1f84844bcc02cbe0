import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { aMemoryQueue, createMemoryFiles } from '../../queue/testing/memory-queue.ts'
import type { TakenBlock } from './block-item.ts'
import { type BlockStore, openBlockStore } from './block-store.ts'
import { countOf, type Draft } from './draft.ts'
import { isStoredItem, type StoredItem } from './stored-item.ts'

const batch = { records: 12, rawBytes: 2_000 }
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ lose: fc.integer({ min: 1, max: 50 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      send: fc.constantFrom('arrives', 'answer lost', 'lost', 'too large', 'bad'),
      /** What comes to the queue while the request is on its way. */
      meanwhile: fc.integer({ min: 0, max: 12 }),
      records: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ restart: fc.constant(true) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Sending = Extract<Step, { send: string }>

it('has each record stored once or counted by one gap, whatever becomes of requests and of the program', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      // As little as drops nearly all, and enough for all.
      fc.constantFrom(1_000, 2_000, 4_000, 1e9),
      fc.constantFrom(0, 5, 100),
      async (steps, maxBytes, joinOverBlocks) => {
        const world = await aWorld({ maxBytes, joinOverBlocks })
        for (const each of steps) await world.take(each)
        await world.drain()
        assert.deepEqual(
          world.stored(),
          Array.from({ length: world.count() }, () => 1),
        )
      },
    ),
    { numRuns: 150 },
  )
})

/** A store over a disk that outlives it, and a control plane that stores each position once. */
async function aWorld(sizes: { maxBytes: number; joinOverBlocks: number }) {
  const files = createMemoryFiles()
  let store = await open()
  let added = 0
  let mark = 0
  /** Of each position, how often it is stored or counted. */
  const times: number[] = []

  function open(): Promise<BlockStore> {
    const queue = aMemoryQueue<StoredItem>({ isItem: isStoredItem }, files)
    const clock = createFakeClock()
    const lineOfLost = (): string => '{}'
    return openBlockStore(queue, { ...sizes, batch, lineOfLost, clock, isDamaged: false })
  }

  async function add(draft: Draft): Promise<void> {
    added += countOf(draft)
    await store.add(draft, new AbortController().signal)
  }

  function records(count: number): Draft {
    const lines = Array.from({ length: count }, (_, index) => `{"n":${added + index}}`)
    return { atMs: 0, cursors: {}, lines, rawBytes: lines.join('\n').length + 1 }
  }

  /** As the control plane does: what is below the mark has come before. */
  function arrive(blocks: readonly TakenBlock[]): void {
    for (const { first, count, gapReason } of blocks) {
      const end = first + count
      if (gapReason !== undefined && mark >= end) continue
      const from = gapReason === undefined ? Math.max(first, mark) : first
      for (let at = from; at < end; at++) times[at] = (times[at] ?? 0) + 1
      mark = Math.max(mark, end)
    }
  }

  async function send({ send: how, meanwhile, records: most }: Sending): Promise<void> {
    const blocks = await store.take({ ...batch, records: most })
    if (meanwhile > 0) await add(records(meanwhile))
    if (how === 'arrives' || how === 'answer lost') arrive(blocks)
    if (how === 'arrives') await store.remove(blocks.map(({ number }) => number))
    const [only, ...others] = blocks
    if (!only || others.length > 0) return
    if (how === 'too large') await store.split(only.number)
    if (how === 'bad') await store.drop(only.number, 'bad')
  }

  return {
    async take(each: Step): Promise<void> {
      if ('add' in each) await add(records(each.add))
      else if ('lose' in each) await add({ atMs: 0, cursors: {}, lost: each.lose, reason: 'late' })
      else if ('send' in each) await send(each)
      else store = await open()
    },
    async drain(): Promise<void> {
      for (;;) {
        const blocks = await store.take(batch)
        if (blocks.length === 0) return
        arrive(blocks)
        await store.remove(blocks.map(({ number }) => number))
      }
    },
    count: () => added,
    stored: () => Array.from({ length: added }, (_, at) => times[at] ?? 0),
  }
}
