import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { type Databases, dialects } from '../../testing/databases.ts'
import type { Bucket } from './hours/bucket.ts'
import type { Series } from './series.ts'
import { countOf, cpuOf, openBench } from './testing/series-bench.ts'

const hourMs = 3_600_000
const minuteMs = 60_000

for (const { name, skip, openDatabases } of dialects)
  describe(`series of metrics in ${name}`, { skip }, () => {
    let databases: Databases
    before(async () => {
      databases = await openDatabases()
    })
    after(() => databases[Symbol.asyncDispose]())

    it('are minimum, maximum, sum and last of five minutes, in whichever order points come, before and after they are written', async () => {
      await using bench = await openBench(await databases.create())
      await using series = await bench.start()
      const { startMs } = bench
      const read = async () =>
        (await cpuOf(series, 'n_web', startMs - hourMs, startMs + hourMs)).map(withoutFirst)
      const first = [
        { at: -3 * minuteMs, data: { cpu_percent: 30 } },
        { at: -4 * minuteMs, data: { cpu_percent: 10 } },
      ]
      await bench.send('n_web', ...first)
      await bench.send('n_db', ...first)
      const bucket = {
        at: startMs - 5 * minuteMs,
        last: 30,
        lastMs: startMs - 3 * minuteMs,
        max: 30,
      }
      const withoutFirst = ({ first: _, firstMs: _ms, growth: _growth, ...rest }: Bucket) => rest
      const expected = [{ ...bucket, min: 10, sum: 40, count: 2 }]
      await until('the points', async () => (await read()).length > 0)
      assert.deepEqual(await read(), expected)
      await series.flush()
      assert.deepEqual(await read(), expected)
      await bench.send('n_web', { at: -5 * minuteMs, data: { cpu_percent: 5 } })
      const late = [{ ...bucket, min: 5, sum: 45, count: 3 }]
      assert.deepEqual(await read(), late)
      await series.flush()
      assert.deepEqual(await read(), late)
    })

    it('have each point once, whatever was written when the control plane was killed', async () => {
      await using bench = await openBench(await databases.create())
      const { startMs } = bench
      const counts = async (series: Series) => [
        await countOf(series, 'n_web', startMs),
        await countOf(series, 'n_db', startMs),
      ]
      const point = { at: -minuteMs, data: { cpu_percent: 1 } }
      await bench.send('n_web', point, point)
      for (const [round, expected] of [
        [1, [3, 1]],
        [2, [4, 2]],
        [3, [5, 3]],
      ] as const) {
        const series = await bench.start()
        await bench.send('n_web', point)
        await bench.send('n_db', point)
        await until('all points', async () => (await counts(series)).join() === expected.join())
        if (round === 2) await series.flush()
        await series.kill()
      }
      await using series = await bench.start()
      await until('all points', async () => (await counts(series)).join() === '5,3')
    })

    it('take nothing from a clock that is nonsense, no name that is none, and no more than there is room for', async () => {
      await using bench = await openBench(await databases.create())
      await using series = await bench.start({ maxSeries: 2 })
      const { startMs, clock } = bench
      const nowMs = clock.now() - startMs
      await bench.send(
        'n_web',
        { at: Date.UTC(9999) - startMs, data: { cpu_percent: 1 } },
        { at: nowMs - 8 * 24 * hourMs, data: { cpu_percent: 2 } },
        {
          at: nowMs,
          group: 'shop',
          data: { orders: 7, 'bad name': 1, text: 'x', 'orders{b="2",a="1 }"}': 1 },
        },
        { at: nowMs, group: 'system', data: { memory_used_bytes: 9 } },
        { at: nowMs, group: 'other', data: { one_too_many: 1 } },
      )
      const all = () =>
        series.read('n_web', { sinceMs: startMs - 9 * 24 * hourMs, untilMs: clock.now() })
      const hours = await until('the points', async () => {
        const read = await all()
        return read.size > 0 && read
      })
      const names = Array.from(hours.values(), (hour) => [...hour.series.keys()])
      assert.deepEqual(names, [
        [
          'node_resources.cpu_percent',
          'shop.orders',
          'shop.orders{a="1 }",b="2"}',
          'node_resources.memory_used',
        ],
      ])
      assert.deepEqual(Object.fromEntries(bench.leftOut), { late: 1, name: 1, program_series: 1 })
      const cpu = hours.get(startMs)?.series.get('node_resources.cpu_percent')
      assert.deepEqual(
        Array.from(cpu?.values() ?? [], ({ lastMs }) => lastMs),
        [clock.now()],
      )
    })

    it('of a counter have what it grew by before it began anew, before and after they are written', async () => {
      await using bench = await openBench(await databases.create())
      await using series = await bench.start()
      const { startMs } = bench
      const growth = async () => {
        const hours = await series.read('n_web', { sinceMs: startMs - hourMs, untilMs: startMs })
        const slots = hours.get(startMs - hourMs)?.series.get('shop.orders_total{a="b c"}')
        return Array.from(slots?.values() ?? [], ({ growth, first, last }) => [first, growth, last])
      }
      const values = [100, 160, 10, 40]
      const points = values.map((value, at) => ({
        at: (at - 4) * minuteMs,
        group: 'shop',
        data: { 'orders_total{a="b c"}': value },
      }))
      await bench.send('n_web', ...points.slice(0, 2))
      await until('the points', async () => (await growth()).length > 0)
      await series.flush()
      await bench.send('n_web', ...points.slice(2))
      assert.deepEqual(await growth(), [[100, 100, 40]])
      await series.flush()
      assert.deepEqual(await growth(), [[100, 100, 40]])
    })

    it('go when they are old, and past the size those of the node with most', async () => {
      await using bench = await openBench(await databases.create())
      await using series = await bench.start()
      const { startMs } = bench
      for (let hour = 0; hour < 4; hour++)
        await bench.send('n_web', { at: -hour * hourMs - 1, data: { cpu_percent: 1 } })
      await bench.send('n_db', { at: -1, data: { cpu_percent: 1 } })
      const hoursOf = async (node: string) =>
        (await series.read(node, { sinceMs: startMs - 9 * hourMs, untilMs: startMs })).size
      await until('the points', async () => (await hoursOf('n_db')) === 1)
      await series.flush()
      assert.equal(await series.prune({ beforeMs: startMs - 3 * hourMs, maxBytes: 1e9 }), 1)
      assert.equal(await hoursOf('n_web'), 3)
      await series.prune({ beforeMs: 0, maxBytes: 400 })
      assert.deepEqual([await hoursOf('n_web'), await hoursOf('n_db')], [0, 1])
    })
  })
