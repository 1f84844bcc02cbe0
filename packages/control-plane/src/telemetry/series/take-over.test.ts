import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres, openForTests, startPostgres, until } from '@plexd/runtime/testing'
import type { Series } from './series.ts'
import { countOf, openBench } from './testing/series-bench.ts'

type Bench = Awaited<ReturnType<typeof openBench>>

describe('series of metrics in a database that goes away, or that another writes to', {
  skip: noPostgres,
}, () => {
  const server = openForTests(startPostgres)

  const point = { at: -60_000, data: { cpu_percent: 1 } }
  /** All points of the node, and never more than these. */
  async function allOf({ clock, startMs }: Bench, series: Series, expected: number) {
    await until(`${expected} points`, async () => {
      await clock.advance(5_000)
      const count = await countOf(series, 'n_web', startMs)
      assert.ok(count <= expected, `${count} of ${expected} points`)
      return count === expected
    })
  }

  for (const when of ['before', 'after'] as const)
    it(`have each point once where the way to it is cut ${when} a commit`, async () => {
      await using way = await server.cuttable(server.createDatabase())
      await using bench = await openBench(way.url)
      await using series = await bench.start()
      await bench.send('n_web', point, point)
      await allOf(bench, series, 2)
      way.cutNext(when)
      await series.flush()
      await bench.send('n_web', point)

      await allOf(bench, series, 3)
      await series.flush()
      await allOf(bench, series, 3)
      await using next = await bench.start()
      await allOf(bench, next, 3)
    })

  it('go on when the database is back that was away, with what came meanwhile', async () => {
    await using bench = await openBench(server.createDatabase())
    await using series = await bench.start()
    await bench.send('n_web', point)
    await allOf(bench, series, 1)
    await server.end()
    await series.flush()
    await bench.send('n_web', point)
    await server.start()

    await allOf(bench, series, 2)
    await series.flush()
    await allOf(bench, series, 2)
  })

  it('have each point once where two follow the same telemetry: who was second begins again', async () => {
    await using bench = await openBench(server.createDatabase())
    await using first = await bench.start()
    await using second = await bench.start()
    for (let count = 1; count <= 6; count++) {
      await bench.send('n_web', point)
      for (const series of [first, second]) await allOf(bench, series, count)
      if (count % 3 === 0) await Promise.all([first.flush(), second.flush()])
      else await (count % 3 === 1 ? first : second).flush()
      for (const series of [first, second]) await allOf(bench, series, count)
    }
  })

  it('take what comes after telemetry has gone back to what it was before', async () => {
    const place = server.createDatabase()
    await using now = await openBench(place)
    await using before = await openBench(place)
    {
      await using series = await now.start()
      await now.send('n_web', point, point, point)
      await allOf(now, series, 3)
    }
    await using series = await before.start()
    await before.send('n_web', point)
    await allOf(before, series, 4)
    await before.send('n_web', point, point, point)
    await allOf(before, series, 7)
  })
})
