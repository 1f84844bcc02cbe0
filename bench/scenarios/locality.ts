import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, BenchContext } from '../bench.ts'
import { type Fleet, startFleet } from '../fleet/fleet.ts'
import { groupSize } from '../fleet/join.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults } from './figures.ts'

/** C6: a change that affects 50 nodes costs as much in a large fleet as in a small one. */
export const locality: Bench = {
  name: 'locality',
  targets: ['C6'],
  summary: 'changes that affect a group of 50, in a small fleet and in a large one',
  topology: 'groups',
  async run(context) {
    const large = context.agents ?? (context.quick ? 150 : 10_000)
    const small = context.quick ? 100 : 1_000
    const costs = [await costsIn(context, small), await costsIn(context, large)] as const
    for (const kind of ['endpoint', 'relabelling'] as const) {
      const [before, after] = [costs[0][kind], costs[1][kind]]
      context.add({
        id: 'C6',
        what: `${kind}: CPU at ${large} nodes against ${small}`,
        unit: '×',
        value: after.cpuMs / before.cpuMs,
        target: { atMost: 1.5 },
      })
      context.add({ what: `${kind}: CPU at ${small}`, unit: 'ms', value: before.cpuMs })
      context.add({ what: `${kind}: CPU at ${large}`, unit: 'ms', value: after.cpuMs })
      context.add({
        what: `${kind}: the last of the group has it, at ${large} against ${small}, median`,
        unit: 'ms',
        value: after.lastMs,
        floor: { what: 'in the small fleet', value: before.lastMs },
      })
    }
  },
}

interface Cost {
  cpuMs: number
  lastMs: number
}

async function costsIn(
  context: BenchContext,
  size: number,
): Promise<{ endpoint: Cost; relabelling: Cost }> {
  const plane = await context.plane()
  await using fleet = await startFleet(plane, { agents: size, workers: 1, topology: 'groups' })
  // Ten groups have streams, and each change is for one of them: an event for any other is a fault.
  const listening = fleet.numbers.slice(0, 10 * groupSize)
  await fleet.pull(listening)
  await fleet.open(listening)
  const rounds = context.rounds ?? (context.quick ? 2 : 200)
  const groupOf = (group: number): number[] =>
    fleet.numbers.slice(group * groupSize, (group + 1) * groupSize)
  const endpoint = await context.profiled(plane.own, () =>
    costOf(fleet, rounds, (round) => {
      const group = round % (listening.length / groupSize)
      const endpoint = `198.51.100.7:${10_000 + round}`
      return fleet.moveAndTell(group * groupSize, endpoint, groupOf(group))
    }),
  )
  const relabelling = await costOf(fleet, rounds, async (round) => {
    // Agent 0 goes back and forth between two groups: one is told of a new peer, the other of one that left.
    const group = round % 2 === 0 ? 1 : 0
    const among = groupOf(group).filter((index) => index !== 0)
    // Without a rest, the new peers of a second would become a pull.
    await delay(100)
    return fleet.change({ type: 'peer_added', among }, () =>
      plane.admin.setNodeMetadata({
        params: { node: fleet.identities[0]?.node_id ?? '' },
        body: { set: { group: `g${group}` } },
      }),
    )
  })
  await addFaults(context, fleet)
  return { endpoint, relabelling }
}

async function costOf(
  fleet: Fleet,
  rounds: number,
  run: (round: number) => Promise<{ max: number }>,
): Promise<Cost> {
  const warmUp = Math.min(10, rounds)
  for (let round = 0; round < warmUp; round++) await run(round)
  const before = await fleet.plane.usage()
  const lasts: number[] = []
  for (let round = 0; round < rounds; round++) lasts.push((await run(warmUp + round)).max)
  const after = await fleet.plane.usage()
  return {
    cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / rounds,
    lastMs: quantiles(lasts).median,
  }
}
