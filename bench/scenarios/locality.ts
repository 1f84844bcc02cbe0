import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, BenchContext } from '../bench.ts'
import { type Fleet, startFleet } from '../fleet/fleet.ts'
import { groupSize } from '../fleet/join.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults } from './figures.ts'

/** C6: what touches 50 nodes costs as much in a large fleet as in a small one. */
export const locality: Bench = {
  name: 'locality',
  targets: ['C6'],
  summary: 'changes that touch a group of 50, in a small fleet and in a large one',
  async run(context) {
    const large = context.agents ?? (context.quick ? 200 : 10_000)
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
  // Ten groups listen, of whom one is touched at a time; nobody else may hear of it.
  const listening = Array.from({ length: Math.min(size, 10 * groupSize) }, (_, index) => index)
  await fleet.pull(listening)
  await fleet.open(listening)
  const rounds = context.rounds ?? (context.quick ? 10 : 200)
  const endpoint = await context.profiled(plane, () =>
    costOf(fleet, rounds, async (round) => {
      const index = (round % (listening.length / groupSize)) * groupSize
      const text = `198.51.100.7:${10_000 + round}`
      const { lastMs } = await fleet.change(
        { type: 'peer_endpoint_changed', text: `"${text}"`, among: othersOfGroup(index, size) },
        () => fleet.move(index, text),
      )
      return lastMs
    }),
  )
  const relabelling = await costOf(fleet, rounds, async (round) => {
    // Back and forth between two groups: the one is told of a new peer, the other to forget it.
    const group = round % 2 === 0 ? 1 : 0
    const among = othersOfGroup(group * groupSize, size).filter((index) => index !== 0)
    // Many new peers in a second would become a pull.
    await delay(100)
    const { lastMs } = await fleet.change({ type: 'peer_added', among }, () =>
      plane.admin.setNodeMetadata({
        params: { node: fleet.identities[0]?.node_id ?? '' },
        body: { set: { group: `g${group}` } },
      }),
    )
    return lastMs
  })
  await addFaults(context, fleet)
  return { endpoint, relabelling }
}

function othersOfGroup(index: number, size: number): number[] {
  const first = index - (index % groupSize)
  return Array.from({ length: Math.min(groupSize, size - first) }, (_, at) => first + at).filter(
    (other) => other !== index,
  )
}

async function costOf(
  fleet: Fleet,
  rounds: number,
  run: (round: number) => Promise<number>,
): Promise<Cost> {
  for (let round = 0; round < 10; round++) await run(round)
  const before = await fleet.plane.usage()
  const lasts: number[] = []
  for (let round = 0; round < rounds; round++) lasts.push(await run(10 + round))
  const after = await fleet.plane.usage()
  return {
    cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1_000) / rounds,
    lastMs: quantiles(lasts).median,
  }
}
