import { setTimeout as delay } from 'node:timers/promises'
import type { PolicyRule } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Quantiles } from '../quantiles.ts'
import { addFaults, lastOf, medianOf, moveInTurn } from './figures.ts'

/** C12: agents that never read cost little, are cut off, and resume where they were; the others are not affected. */
export const slowReaders: Bench = {
  name: 'slow-readers',
  targets: ['C12'],
  summary: 'agents that never read: what they cost, and how the others are affected',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 400)
    const slow = context.quick ? 5 : 100
    const rounds = context.rounds ?? (context.quick ? 3 : 200)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    const [hanging, reading] = [fleet.numbers.slice(0, slow), fleet.numbers.slice(slow)]
    // Events of half a megabyte, until the kernel's buffers are full and those of the process would grow.
    const flood = async (from: number): Promise<void> => {
      for (let port = from; port < from + (context.quick ? 3 : 20); port++)
        await fleet.change(
          { type: 'policy_updated', text: `"port":${port},`, among: reading },
          () => fleet.putPolicy(manyRules(port)),
        )
    }
    const seconds = context.quick ? 1 : 8
    await flood(100)
    const alone = await moves(fleet, reading, rounds, 10_000)
    const before = await leastMemory(fleet, seconds)
    await fleet.hang(hanging)
    await flood(200)
    const beside = await moves(fleet, reading, rounds, 20_000)
    const after = await leastMemory(fleet, seconds)
    const { streams: held } = await fleet.plane.usage()
    context.note(`${held - reading.length} of ${slow} were still connected when that was measured`)
    if (!context.quick) {
      await delay(50_000)
      const { streams } = await fleet.plane.usage()
      context.note(`${size - streams} of ${slow} were cut off`)
    }
    await fleet.recover(hanging)
    await until(
      'all streams open again',
      async () => (await fleet.progress()).open === size,
      60_000,
    )
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
    context.add({ what: 'the same, without them', unit: 'ms', ...medianOf(alone) })
    context.add({ what: 'the same, beside them', unit: 'ms', ...medianOf(beside) })
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

/** Without the first five, which warm up. */
async function moves(
  fleet: Fleet,
  among: readonly number[],
  rounds: number,
  port: number,
): Promise<Quantiles> {
  const isOver = (round: number): boolean => round >= rounds + 5
  const found = await moveInTurn(fleet, { ip: '198.51.100.3', port, among, isOver })
  return lastOf(found.slice(5))
}

/** In bytes, the least over some seconds: garbage that is not yet collected does not count. */
async function leastMemory(fleet: Fleet, seconds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let second = 0; second < seconds; second++) {
    least = Math.min(least, (await fleet.plane.usage()).rssBytes)
    await delay(1_000)
  }
  return least
}
