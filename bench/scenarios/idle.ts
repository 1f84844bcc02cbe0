import type { Bench } from '../bench.ts'
import { addFaults, addLoopDelay, lifeIn, liveFor } from './figures.ts'

/** C2 and C3: what a fleet costs in which nothing happens but heartbeats, state pulls and endpoint reports. */
export const idle: Bench = {
  name: 'idle',
  targets: ['C2', 'C3'],
  summary: 'nothing happens: memory for each agent, and CPU of the control plane',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 1.5 : 60)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const { plane } = fleet
    await fleet.pull()
    await fleet.open()
    const { cpuShare, usage, page, answers } = await liveFor(context, fleet, seconds)
    await addFaults(context, fleet)
    await fleet.close()

    const bare = await context.bare(plane, size)
    const bareCpu = await bare?.idleCpu({ seconds, life: lifeIn(context) })
    context.add({
      id: 'C2',
      what: `memory for each of ${size} agents, all in`,
      series: { name: 'memory', at: size },
      unit: 'KiB',
      value: usage.rssBytes / size / 1_024,
      floor: bare && { what: 'bare node:https', value: bare.bytesPerStream() / 1_024 },
      target: size >= 5_000 ? { atMost: 110 } : undefined,
    })
    context.add({
      id: 'C3',
      what: `idle CPU with ${size} agents`,
      series: { name: 'idle cpu', at: size },
      unit: '% of a core',
      value: cpuShare,
      floor: bareCpu === undefined ? bareCpu : { what: 'bare node:https', value: bareCpu },
      target: { atMost: size <= 1_000 ? 5 : 40 },
    })
    context.add({ what: 'a request, p99', unit: 'ms', value: answers.p99, rounds: answers.count })
    context.add({
      what: 'CPU for a request',
      unit: 'ms',
      value: (cpuShare * 10 * seconds) / answers.count,
    })
    addLoopDelay(context, usage)
    context.add({
      what: 'memory of the simulator for each agent',
      unit: 'KiB',
      value: page.rssBytes / size / 1_024,
    })
    context.note(`${answers.of(304)} of the state pulls were answered 304`)
  },
}
