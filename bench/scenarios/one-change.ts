import type { Bench } from '../bench.ts'
import { usualLife } from '../fleet/fleet.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults, addLoopDelay, lastOf, medianOf, moveInTurn } from './figures.ts'

/** C4: one agent has another endpoint; how long until the last of all others has been told. */
export const oneChange: Bench = {
  name: 'one-change',
  targets: ['C4'],
  summary: 'an endpoint changes, until the last of all agents has been told',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const rounds = context.rounds ?? (context.quick ? 2 : Math.max(30, 100_000 / size))
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    const { plane } = fleet
    await fleet.open()
    // These agents have never pulled, and who has no state is sent all endpoints of its peers with each report of its own: at 10,000 that
    // would be 100 MB/s, which takes longer than what is measured.
    await fleet.live({ ...usualLife, pullMs: 0, endpointMs: 0 })
    await plane.usage()
    const moves = await context.profiled(plane.own, () =>
      moveInTurn(fleet, {
        ip: '198.51.100.1',
        port: 20_000,
        isOver: (round) => round >= rounds + warmUp,
      }),
    )
    const usage = await plane.usage()
    await fleet.rest()
    await addFaults(context, fleet)
    await fleet.close()

    const floor = await (await context.bare(plane, size))?.broadcasts({ rounds })
    const last = lastOf(moves.slice(warmUp))
    context.add({
      id: 'C4',
      what: `${size} agents, the last has it, p99`,
      unit: 'ms',
      ...medianOf(last),
      value: last.p99,
      floor: floor && { what: 'broadcast by bare node:https', value: floor.p99 },
      target: { atMost: size <= 1_000 ? 100 : size <= 5_000 ? 500 : 1_300 },
    })
    context.add({
      what: `${size} agents, the last has it, median`,
      series: { name: 'convergence', at: size },
      unit: 'ms',
      value: last.median,
      rounds,
      floor: floor && { what: 'broadcast by bare node:https', value: floor.median },
    })
    context.add({
      what: 'half of them have it, median',
      unit: 'ms',
      value: quantiles(moves.slice(warmUp).map(({ median }) => median)).median,
    })
    addLoopDelay(context, usage)
  },
}

const warmUp = 5
