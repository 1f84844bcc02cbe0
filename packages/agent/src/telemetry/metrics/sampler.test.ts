import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { type MetricPoint, metricGroups, metrics, prometheusMetric } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { createApplicationMetrics } from './application-metrics.ts'
import { expositionOf } from './exposition.ts'
import { startSampler } from './sampler.ts'
import { scrapeSource, startScrape } from './scrape.ts'

const facts = () => ({
  uptime_seconds: 5,
  stream_connects: 1,
  clock_skew_seconds: 0,
  queue_bytes: 0,
  queue_dropped: 0,
  problems: 0,
})

describe('startSampler', () => {
  it('measures the machine and itself at each interval, whatever else fails', async () => {
    const clock = createFakeClock()
    const taken: MetricPoint[][] = []
    await using sampler = await startSampler({
      dataDir: '/',
      meshInterface: 'plexd0',
      intervalMs: 15_000,
      facts,
      peers: async () => {
        throw new Error('WireGuard does not answer')
      },
      append: async (points) => taken.push([...points]),
      clock,
      log: silentLog,
    })
    await until('two rounds', async () => {
      await clock.advance(20_000)
      return taken.length >= 2
    })
    const [resources, stats] = taken[1] ?? []
    // Two readings so close to each other that no tick of the CPU is between them give no share.
    const { cpu_percent: _, ...wanted } = metricGroups.node_resources
    for (const field of Object.keys(wanted))
      assert.equal(typeof resources?.data[field], 'number', field)
    assert.deepEqual(
      Object.keys(stats?.data ?? {}).sort(),
      Object.keys(metricGroups.agent_stats).sort(),
    )

    const text = expositionOf(sampler.latest(), () => undefined)
    for (const metric of metrics.filter(({ group }) => group === 'agent_stats'))
      assert.match(text, new RegExp(`^${prometheusMetric(metric).name} [\\d.e+-]+$`, 'm'))
  })
})

describe('a group that cannot be measured', () => {
  it('costs no other one', async () => {
    await using sampler = await startSampler({
      dataDir: '/',
      meshInterface: 'plexd0',
      intervalMs: 15_000,
      facts: () => assert.fail('the status cannot be described'),
      peers: async () => [],
      append: async () => {},
      clock: createFakeClock(),
      log: silentLog,
    })
    const points = await sampler.sampleNow()
    assert.deepEqual(
      points.map(({ group }) => group),
      ['node_resources'],
    )
  })
})

describe('createApplicationMetrics', () => {
  it('takes what programs measure, under names that are theirs, and not without end', async () => {
    const clock = createFakeClock()
    const taken: MetricPoint[] = []
    const take = createApplicationMetrics({
      append: async (points) => taken.push(...points),
      valuesPerSecond: 10,
      clock,
    })
    const point = { group: 'shop', data: { orders_total: 12 } }
    assert.equal(await take({ points: [point] }, '1000'), 1)
    assert.deepEqual(taken, [{ ...point, timestamp: new Date(clock.now()).toISOString() }])
    for (const group of ['node_resources', 'system', 'scrape.x', 'plexd'])
      await assert.rejects(take({ points: [{ ...point, group }] }, '1000'), {
        status: 400,
        message: `points[0].group: "${group}" is for metrics of plexd itself: choose another name`,
      })
    const forged = { ...point, group: 'constructor', gap: { first: 0, count: 9, reason: 'x' } }
    await take({ points: [forged] }, '1000')
    assert.deepEqual(Object.keys(taken.at(-1) ?? {}), ['timestamp', 'group', 'data'])
    await take({ points: [{ group: 'shop', data: { 'x{b="2",a="1"}': 1 } }] }, '1000')
    assert.deepEqual(taken.at(-1)?.data, { 'x{a="1",b="2"}': 1 })
    await assert.rejects(take({ points: [point, { group: 'x', data: { 'a b': 1 } }] }, '1000'), {
      status: 400,
      message: /^points\[1\]\.data: "a b" is no name of a metric: it does not .*: want letters, /,
    })
    const twice = { 'x{a="1",b="2"}': 1, 'x{b="2",a="1"}': 2 }
    await assert.rejects(take({ points: [{ group: 'x', data: twice }] }, '1000'), {
      status: 400,
      message: /is there twice/,
    })
    const long = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`x{a="${index}${'y'.repeat(900)}"}`, 1]),
      )
    await take({ points: [{ group: 'long', data: long(30) }] }, '1002')
    await assert.rejects(take({ points: [{ group: 'long', data: long(80) }] }, '1'), {
      status: 400,
      message: /^points\[0\] has 7\d+ bytes: it may have 65536: make several of it$/,
    })
    const many = { points: Array.from({ length: 500 }, () => point) }
    await take(many, '1000')
    await take(many, '1000')
    await assert.rejects(take(many, '1000'), { status: 429 })
    assert.equal(await take(many, '1001'), 500)
  })
})

describe('startScrape', () => {
  it('takes the metrics of other programs, and says which it cannot', async () => {
    const lines = Array.from({ length: 250 }, (_, index) => `x{i="${index}"} 1\n`).join('')
    const server = createServer((request, response) => {
      if (request.url === '/metrics') response.end(`${lines}y{a="1",a="2"} 1\nnonsense\n`)
      else response.writeHead(302, { location: '/metrics' }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const clock = createFakeClock()
    const problems = new Map<string, string | undefined>()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const taken: MetricPoint[] = []
    {
      await using _scrape = startScrape({
        urls: [`http://${host}/metrics`, `http://${host}/moved`],
        intervalMs: 15_000,
        append: async (points) => taken.push(...points),
        problems: {
          set(name, text) {
            problems.set(name, text)
            if (name.endsWith('/moved')) resolve()
          },
        },
        clock,
      })
      await clock.advance(20_000)
      await done
    }
    server.close()
    assert.deepEqual(
      taken.map(({ group, data }) => [group, Object.keys(data).length]),
      [
        [`scrape.${host}`, 200],
        [`scrape.${host}`, 50],
      ],
    )
    assert.match(
      problems.get(`scrape http://${host}/metrics`) ?? '',
      /: 1 lines are no samples; 1 samples have names that cannot be kept, such as "y\{.*: it has the label "a" twice$/,
    )
    assert.match(problems.get(`scrape http://${host}/moved`) ?? '', /cannot be read/)
    const of = (part: string) => problems.get(part) ?? ''
    assert.equal(scrapeSource(`http://${host}/moved`, { of }).state, 'failed')
    const { state, detail } = scrapeSource(`http://${host}/metrics`, { of })
    assert.deepEqual([state, detail.includes('cannot be kept')], ['running', true])
  })
})
