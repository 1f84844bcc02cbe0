import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { type Databases, dialects } from '../../testing/databases.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { createPrograms } from '../latest/programs.ts'
import { openSqliteTelemetry } from '../sqlite-store.ts'
import { startSeries } from './series.ts'
import { openSeriesAt } from './testing/series-stores.ts'

const rounds = Number(process.env.PLEXD_SERIES_KILLS ?? 3)
const program = join(import.meta.dirname, '../../testing/folding.ts')
const nodes = Array.from({ length: 50 }, (_, at) => `n_${at}`)

for (const { name, skip, openDatabases } of dialects)
  describe(`series of metrics in ${name} whose writer is killed`, { skip }, () => {
    let databases: Databases
    before(async () => {
      databases = await openDatabases()
    })
    after(() => databases[Symbol.asyncDispose]())

    it(`have each point once, after ${rounds} kills`, { timeout: 3_600_000 }, async () => {
      await using folder = await makeTemporaryFolder()
      const place = await databases.create()
      for (let round = 0; round < rounds; round++) await foldAndKill(folder.path, place)

      const stored = await storedIn(folder.path)
      assert.ok(sumOf(stored) > 0)
      assert.deepEqual(await seriesIn(folder.path, place, sumOf(stored)), stored)
    })
  })

async function foldAndKill(folder: string, place: string): Promise<void> {
  const child = spawn(process.execPath, [program, folder, place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let points = 0
  child.stdout.on('data', ({ length }: Buffer) => {
    points += length
  })
  const exited = once(child, 'exit')
  try {
    const enough = randomInt(100, 300)
    await until('points', () => points > enough || child.exitCode !== null, 60_000)
    assert.equal(child.exitCode, null)
  } finally {
    child.kill('SIGKILL')
    await exited
  }
}

/** The points of each node. */
async function storedIn(folder: string): Promise<number[]> {
  await using telemetry = openSqliteTelemetry(join(folder, 'telemetry'))
  const counts: number[] = []
  for (const node_id of nodes)
    counts.push((await telemetry.list({ node_id, kind: 'metrics', limit: 100_000 })).length)
  return counts
}

/** Of each node, when all of them have `sum` together, or more. */
async function seriesIn(folder: string, place: string, sum: number): Promise<number[]> {
  await using telemetry = openSqliteTelemetry(join(folder, 'telemetry'))
  const options = { room: { own: 100, programs: 100 }, onLeftOut: assert.fail }
  await using store = await openSeriesAt(place, options)
  const programs = createPrograms(() => ({ node_program_series: 100, tenant_program_series: 100 }))
  const around = { store, telemetry, clock: systemClock, log: silentLog, programs }
  await using series = startSeries({ ...around, ...options })
  const countOf = async (node: string): Promise<number> => {
    const hours = await series.read(node, { sinceMs: 0, untilMs: systemClock.now() })
    const buckets = [...hours.values()].flatMap((hour) =>
      [...hour.series.values()].flatMap((slots) => [...slots.values()]),
    )
    return buckets.reduce((count, bucket) => count + bucket.count, 0)
  }
  return await until('all points', async () => {
    const counts: number[] = []
    for (const node of nodes) counts.push(await countOf(node))
    return sumOf(counts) >= sum && counts
  })
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
