import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import type { Quantiles } from '../quantiles.ts'
import {
  addFaults,
  after,
  cpuShareOf,
  lastOf,
  medianOf,
  moveInTurn,
  requireAnswers,
} from './figures.ts'

/** C14: telemetry as fast as it is accepted, and changes beside it. */
export const ingest: Bench = {
  name: 'ingest',
  targets: ['C14'],
  summary: 'telemetry as fast as it is accepted, and changes beside it',
  topology: 'full',
  async run(context) {
    const agents = context.agents ?? (context.quick ? 16 : 500)
    const seconds = context.seconds ?? (context.quick ? 1 : 15)
    const fleet = await context.fleet({ agents, topology: 'full' })
    const { plane } = fleet
    await fleet.open()
    const alone = await movesFor(fleet, seconds / 2, 10_000)
    const body = gzipSync(lines.map((line) => JSON.stringify(line)).join('\n'))
    const order = {
      kind: 'logs',
      method: 'POST',
      path: '/v1/nodes/{node_id}/logs',
      headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    }
    const before = await plane.usage()
    const [floods, beside] = await context.profiled(plane.own, () =>
      Promise.all([
        fleet.each((worker) => worker.flood({ ...order, body, seconds, connections: 8 })),
        movesFor(fleet, seconds, 20_000),
      ]),
    )
    const usage = await plane.usage()
    const answers = answersOf((await fleet.take()).tally, 'logs')
    requireAnswers(context, 'batches', answers, 202, 429)
    await addFaults(context, fleet)
    const tookSeconds = Math.max(...floods.map(({ ms }) => ms)) / 1_000
    const batches = answers.of(202)
    context.add({
      id: 'C14',
      what: 'records taken',
      unit: '/s',
      value: (batches * lines.length) / tookSeconds,
      target: { atLeast: 30_000 },
    })
    context.add({
      id: 'C14',
      what: 'gzip taken off the wire',
      unit: 'MiB/s',
      value: (batches * body.length) / tookSeconds / 1024 ** 2,
      target: { atLeast: 5 },
    })
    const cpuShare = cpuShareOf(before, usage, tookSeconds)
    context.add({ what: 'CPU of the control plane', unit: '% of a core', value: cpuShare })
    context.add({
      id: 'C14',
      what: 'CPU for 30,000 records a second',
      unit: '% of a core',
      value: (cpuShare * 30_000 * tookSeconds) / (batches * lines.length),
      target: { atMost: 100 },
    })
    context.add({
      what: 'memory behind it, against before it',
      unit: '×',
      value: usage.rssBytes / before.rssBytes,
    })
    context.add({
      id: 'C14',
      what: 'the last has a change, against without it, median',
      unit: '×',
      value: beside.median / alone.median,
      target: { atMost: 2 },
    })
    context.add({ what: 'the same, alone', unit: 'ms', ...medianOf(alone) })
    context.add({ what: 'the same, beside it', unit: 'ms', ...medianOf(beside) })
    context.add({ what: 'a batch, p99', unit: 'ms', value: answers.p99 })
    if (answers.of(429) > 0) context.note(`${answers.of(429)} batches were refused for their rate`)
  },
}

/** Log lines of which 175 bytes each remain after gzip, because 5 MiB/s of 30,000 records/s are as much. */
const lines = Array.from({ length: 500 }, (_, index) => ({
  timestamp: new Date(Date.UTC(2025, 0, 15) + index * 1_000).toISOString(),
  source: 'journald',
  unit: 'nginx',
  message: randomBytes(150).toString('base64'),
  severity: 'info',
  hostname: 'web-01',
}))

/** With rests: without them the changes would be the load of C10, and take the core from the telemetry. */
async function movesFor(fleet: Fleet, seconds: number, port: number): Promise<Quantiles> {
  const isOver = after(seconds)
  return lastOf(await moveInTurn(fleet, { ip: '198.51.100.5', port, restMs: 200, isOver }))
}
