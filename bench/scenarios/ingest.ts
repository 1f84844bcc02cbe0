import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults } from './figures.ts'

/** C14: telemetry comes in as fast as it is taken, and changes are told beside it. */
export const ingest: Bench = {
  name: 'ingest',
  targets: ['C14'],
  summary: 'telemetry as fast as it is taken, and changes beside it',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 500)
    const seconds = context.seconds ?? (context.quick ? 2 : 15)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    const alone = quantiles(await changesFor(fleet, seconds / 2, 10_000))
    const body = gzipSync(lines.map((line) => JSON.stringify(line)).join('\n'))
    const before = await fleet.plane.usage()
    const [floods, times] = await context.profiled(fleet.plane, () =>
      Promise.all([
        fleet.each((worker) =>
          worker.flood({
            kind: 'logs',
            method: 'POST',
            path: '/v1/nodes/{node_id}/logs',
            headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
            body,
            seconds,
            connections: 8,
          }),
        ),
        changesFor(fleet, seconds, 20_000),
      ]),
    )
    const after = await fleet.plane.usage()
    const answers = answersOf((await fleet.take()).tally, 'logs')
    const wrong = answers.others(202, 429)
    if (wrong !== '') context.fault(`batches: ${wrong}`)
    await addFaults(context, fleet)
    const ms = Math.max(...floods.map((flood) => flood.ms))
    const batches = answers.of(202)
    const beside = quantiles(times)
    context.add({
      id: 'C14',
      what: 'records taken',
      unit: '/s',
      value: (batches * lines.length * 1_000) / ms,
      target: { atLeast: 30_000 },
    })
    context.add({
      id: 'C14',
      what: 'gzip taken off the wire',
      unit: 'MiB/s',
      value: (batches * body.length * 1_000) / ms / 1024 ** 2,
      target: { atLeast: 5 },
    })
    context.add({
      what: 'CPU of the control plane',
      unit: '% of a core',
      value: (100_000 * (after.cpuSeconds - before.cpuSeconds)) / ms,
    })
    context.add({
      id: 'C14',
      what: 'the last has a change, against without it, median',
      unit: '×',
      value: beside.median / alone.median,
      target: { atMost: 2 },
    })
    context.add({
      what: 'the same, alone',
      unit: 'ms',
      value: alone.median,
      low: alone.median,
      high: alone.p99,
    })
    context.add({
      what: 'the same, beside it',
      unit: 'ms',
      value: beside.median,
      low: beside.median,
      high: beside.p99,
    })
    context.add({ what: 'a batch, p99', unit: 'ms', value: answers.p99 })
    if (answers.of(429) > 0) context.note(`${answers.of(429)} batches were refused for their rate`)
  },
}

/** Log lines with as much in them as does not pack: 175 bytes of each remain, as 5 MiB/s of 30,000 records/s mean. */
const lines = Array.from({ length: 500 }, (_, index) => ({
  timestamp: new Date(Date.UTC(2025, 0, 15) + index * 1_000).toISOString(),
  source: 'journald',
  unit: 'nginx',
  message: randomBytes(150).toString('base64'),
  severity: 'info',
  hostname: 'web-01',
}))

/** One change after another without a rest would be the load of C10, and leave telemetry what is left of the core. */
const restMs = 200

async function changesFor(fleet: Fleet, seconds: number, from: number): Promise<number[]> {
  const numbers = fleet.identities.map(({ index }) => index)
  const endMs = performance.now() + seconds * 1_000
  const lasts: number[] = []
  for (let round = 0; performance.now() < endMs; round++) {
    const endpoint = `198.51.100.5:${from + round}`
    const index = round % fleet.size
    const { lastMs } = await fleet.change(
      {
        type: 'peer_endpoint_changed',
        text: `"${endpoint}"`,
        among: numbers.filter((other) => other !== index),
      },
      () => fleet.move(index, endpoint),
    )
    lasts.push(lastMs)
    await delay(restMs)
  }
  return lasts
}
