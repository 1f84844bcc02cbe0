import { setTimeout as delay } from 'node:timers/promises'
import type { PolicyRule } from '@plexd/protocol'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults } from './figures.ts'

/** C12: agents that never read cost little, are cut off, and go on where they were; the others notice nothing. */
export const slowReaders: Bench = {
  name: 'slow-readers',
  targets: ['C12'],
  summary: 'agents that never read: what they cost, and what the others notice',
  async run(context) {
    const size = context.agents ?? (context.quick ? 40 : 400)
    const slow = context.quick ? 5 : 100
    const rounds = context.rounds ?? (context.quick ? 3 : 200)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    const reading = fleet.identities.map(({ index }) => index).filter((index) => index >= slow)
    // Events of half a megabyte, until the buffers of the kernel are full and those of the process would grow.
    const flood = async (from: number): Promise<void> => {
      for (let port = from; port < from + (context.quick ? 3 : 20); port++)
        await fleet.change(
          { type: 'policy_updated', text: `"port":${port},`, among: reading },
          () => fleet.putPolicy(manyRules(port)),
        )
    }
    const seconds = context.quick ? 1 : 8
    await flood(100)
    const alone = quantiles(await changes(fleet, reading, rounds, 10_000))
    const before = await leastMemory(fleet, seconds)
    const hanging = Array.from({ length: slow }, (_, index) => index)
    await fleet.hang(hanging)
    await flood(200)
    const beside = quantiles(await changes(fleet, reading, rounds, 20_000))
    const after = await leastMemory(fleet, seconds)
    const { streams: held } = await fleet.plane.usage()
    context.note(`${held - reading.length} of ${slow} were still connected when that was measured`)
    if (!context.quick) {
      await delay(50_000)
      const { streams } = await fleet.plane.usage()
      context.note(`${size - streams} of ${slow} were cut off`)
    }
    await fleet.recover(hanging)
    await untilOpen(fleet)
    await addFaults(context, fleet)
    context.add({
      id: 'C12',
      what: `memory for each of ${slow} that never read`,
      unit: 'KiB',
      value: Math.max(0, after - before) / slow / 1_024,
      target: { atMost: 1_024 },
    })
    context.add({
      id: 'C12',
      what: 'the last of the others has a change, against without them, median',
      unit: '×',
      value: beside.median / alone.median,
      target: { atMost: 1.1 },
    })
    context.add({
      what: 'the same, without them',
      unit: 'ms',
      value: alone.median,
      high: alone.p99,
      low: alone.median,
    })
    context.add({
      what: 'the same, beside them',
      unit: 'ms',
      value: beside.median,
      high: beside.p99,
      low: beside.median,
    })
  },
}

function manyRules(port: number): PolicyRule[] {
  return [
    ...Array.from(
      { length: 4_000 },
      (_, index): PolicyRule => ({
        from: '*',
        to: `10.100.${index >> 8}.${index & 255}/32`,
        port: index === 0 ? port : 1 + index,
        protocol: 'udp',
        action: 'deny',
      }),
    ),
    { from: '*', to: '*', action: 'allow' },
  ]
}

async function changes(
  fleet: Fleet,
  among: readonly number[],
  rounds: number,
  from: number,
): Promise<number[]> {
  const lasts: number[] = []
  for (let round = 0; round < rounds + 5; round++) {
    const index = among[round % among.length] ?? 0
    const endpoint = `198.51.100.3:${from + round}`
    const { lastMs } = await fleet.change(
      {
        type: 'peer_endpoint_changed',
        text: `"${endpoint}"`,
        among: among.filter((other) => other !== index),
      },
      () => fleet.move(index, endpoint),
    )
    if (round >= 5) lasts.push(lastMs)
  }
  return lasts
}

/** In bytes, over some seconds: what waits to be collected is no cost of those who do not read. */
async function leastMemory(fleet: Fleet, seconds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let second = 0; second < seconds; second++) {
    least = Math.min(least, (await fleet.plane.usage()).rssBytes)
    await delay(1_000)
  }
  return least
}

async function untilOpen(fleet: Fleet): Promise<void> {
  for (let round = 0; round < 600; round++) {
    const { open } = await fleet.progress()
    if (open === fleet.size) return
    await delay(100)
  }
  throw new Error('wait for the streams: not all were opened again')
}
