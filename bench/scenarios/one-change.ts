import type { Bench } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import { usualLife } from '../fleet/fleet.ts'
import { measureBroadcasts } from '../floor/bare-fleet.ts'
import { quantiles } from '../quantiles.ts'

/** C4: one agent has another endpoint; how long until the last of all others has been told. */
export const oneChange: Bench = {
  name: 'one-change',
  targets: ['C4'],
  summary: 'an endpoint changes, until the last of all agents has been told',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const rounds = context.rounds ?? (context.quick ? 5 : Math.max(30, 100_000 / size))
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    await fleet.live({ ...usualLife, pullMs: 0 })
    const numbers = fleet.identities.map(({ index }) => index)
    const lasts: number[] = []
    const medians: number[] = []
    await context.profiled(fleet.plane, async () => {
      await fleet.plane.usage()
      for (let round = 0; round < rounds + warmUp; round++) {
        const index = (round * 37) % size
        const endpoint = `198.51.100.${round % 250}:${20_000 + round}`
        const { lastMs, medianMs } = await fleet.change(
          {
            type: 'peer_endpoint_changed',
            text: `"${endpoint}"`,
            among: numbers.filter((number) => number !== index),
          },
          () => fleet.move(index, endpoint),
        )
        if (round < warmUp) continue
        lasts.push(lastMs)
        medians.push(medianMs)
      }
    })
    const usage = await fleet.plane.usage()
    await fleet.rest()
    const { faults, events, verified } = await checkLedgers(fleet)
    for (const fault of faults) context.fault(fault)
    context.note(`${events} events in ledgers, ${verified} signatures verified`)
    await fleet.close()

    const floor = fleet.plane.own
      ? await measureBroadcasts(fleet.plane, { agents: size, rounds })
      : undefined
    const last = quantiles(lasts)
    context.add({
      id: 'C4',
      what: `${size} agents, the last has it, p99`,
      unit: 'ms',
      value: last.p99,
      low: Math.min(...lasts),
      high: last.max,
      rounds,
      ...(floor ? { floor: { what: 'broadcast by bare node:https', value: floor.p99 } } : {}),
      target: { atMost: size <= 1_000 ? 100 : size <= 5_000 ? 500 : 1_300 },
    })
    context.add({
      what: `${size} agents, the last has it, median`,
      series: { name: 'convergence', at: size },
      unit: 'ms',
      value: last.median,
      rounds,
      ...(floor ? { floor: { what: 'broadcast by bare node:https', value: floor.median } } : {}),
    })
    context.add({
      what: 'half of them have it, median',
      unit: 'ms',
      value: quantiles(medians).median,
    })
    context.add({ what: 'delay of the event loop, p99', unit: 'ms', value: usage.loopP99Ms })
  },
}

const warmUp = 5
