import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { openSqliteTelemetry, packRecords, type RecordSearch } from '@plexd/control-plane'
import { runToEnd } from '../../scripts/programs/program.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { medianOf } from '../scenarios/figures.ts'
import { createLogLines } from './log-lines.ts'

type Store = ReturnType<typeof openSqliteTelemetry>

const days = 7
const dayMs = 24 * 60 * 60_000
const startMs = Date.UTC(2025, 0, 15)
const endMs = startMs + days * dayMs
const batchRecords = 1_000
const tenant_id = 'ten_bench'

/** A week of logs in the store, a million lines of each node, and searches in it; `--agents 100` is the size of the issue. */
export const telemetrySearch: Bench = {
  name: 'telemetry-search',
  targets: [],
  summary:
    'a week of logs into the store, and searches in it, beside grep over files packed by zstd',
  async run(context) {
    const week: Week = {
      nodes: context.agents ?? (context.quick ? 2 : 10),
      perNode: context.quick ? 14_000 : 1_000_000,
    }
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const clock = { nowMs: startMs }
    const store = stack.use(
      openSqliteTelemetry(join(folder, 'telemetry'), { now: () => clock.nowMs }),
    )
    await fill(context, { store, clock, folder, week })
    await searchIn(context, store, week)
    await grepIn(context, folder)
  },
}

interface Week {
  nodes: number
  perNode: number
}

/** A tenth of the nodes are what a selector chooses. */
function selectedOf({ nodes }: Week): number {
  return Math.ceil(nodes / 10)
}

interface Filling {
  store: Store
  clock: { nowMs: number }
  folder: string
  week: Week
}

/** As time goes on, each node sends its batches; the last day of the selected ones is written into files too. */
async function fill(context: BenchContext, { store, clock, folder, week }: Filling): Promise<void> {
  const lines = createLogLines(1)
  const rounds = week.perNode / batchRecords
  const stepMs = (days * dayMs) / rounds
  const lastDay: string[] = []
  const before = process.cpuUsage()
  let bytes = 0
  for (let round = 0; round < rounds; round++) {
    const fromMs = startMs + round * stepMs
    clock.nowMs = fromMs + stepMs
    const waiting: Promise<unknown>[] = []
    for (let node = 0; node < week.nodes; node++) {
      const at = (index: number) => fromMs + (index * stepMs) / batchRecords
      const records = Array.from({ length: batchRecords }, (_, index) =>
        lines.next(node, at(index)),
      )
      if (node < selectedOf(week) && fromMs >= endMs - dayMs) lastDay.push(...records)
      const packs = packRecords('logs', { records })
      for (const { body, words } of packs) bytes += body.length + words.length
      const source = { tenant_id, node_id: `n_${node}` }
      waiting.push(store.append({ kind: 'logs', source, packs }))
    }
    await Promise.all(waiting)
  }
  const { user, system } = process.cpuUsage(before)
  const count = week.nodes * week.perNode
  const seconds = (user + system) / 1e6
  context.add({ what: 'records', unit: 'millions', value: count / 1e6 })
  context.add({
    what: 'packed and stored, for each second of CPU',
    unit: '/s',
    value: count / seconds,
  })
  context.add({ what: 'a record on the disk', unit: 'bytes', value: bytes / count })
  await writeFile(join(folder, 'last-day.zst'), zstdCompressSync(lastDay.join('\n')))
}

async function searchIn(context: BenchContext, store: Store, week: Week): Promise<void> {
  const selected = Array.from({ length: selectedOf(week) }, (_, node) => `n_${node}`)
  const day = { sinceMs: endMs - dayMs, node_ids: selected }
  const searches: { what: string; query: Partial<RecordSearch>; atMost?: number }[] = [
    {
      what: 'the last hour of one node, newest 1,000',
      query: { sinceMs: endMs - dayMs / 24, node_ids: ['n_0'] },
      atMost: 200,
    },
    {
      what: 'a day of a tenth of the nodes: a word that is nowhere',
      query: { ...day, grep: 'segfault' },
      atMost: 2_000,
    },
    {
      what: 'the same: an id that is nowhere',
      query: { ...day, grep: 'id=a1b2c3d4e5f6' },
      atMost: 2_000,
    },
    {
      what: 'the same: two letters that are nowhere',
      query: { ...day, grep: 'q#' },
      atMost: 2_000,
    },
    {
      what: 'the same: what a sixth of all lines has',
      query: { ...day, grep: 'timed out' },
      atMost: 2_000,
    },
    {
      what: 'a day of all nodes: a word that is nowhere',
      query: { sinceMs: endMs - dayMs, grep: 'segfault' },
    },
  ]
  for (const { what, query, atMost } of searches) {
    const times: number[] = []
    for (let round = 0; round < (context.rounds ?? 3); round++) {
      const start = performance.now()
      const all = {
        tenant_id,
        kind: 'logs',
        untilMs: endMs,
        order: 'newest',
        limit: 1_000,
      } as const
      await Array.fromAsync(store.search({ sinceMs: startMs, ...all, ...query }))
      times.push(performance.now() - start)
    }
    const target = atMost === undefined || context.quick ? undefined : { atMost }
    context.add({ what, unit: 'ms', ...medianOf(quantiles(times)), target })
  }
}

/** What the selected nodes have sent in the last day, in one file. */
async function grepIn(context: BenchContext, folder: string): Promise<void> {
  const start = performance.now()
  const command = `zstdcat ${join(folder, 'last-day.zst')} | grep -ic segfault`
  const { stdout } = await runToEnd('sh', ['-c', command])
  if (stdout.trim() !== '0') return context.note('zstdcat and grep are not installed')
  const what = 'zstdcat | grep over the day of a tenth of the nodes'
  context.add({ what, unit: 'ms', value: performance.now() - start })
}
