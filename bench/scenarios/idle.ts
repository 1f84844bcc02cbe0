import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { startBareFleet } from '../floor/bare-fleet.ts'

/** C2 and C3: what a fleet costs in which nothing happens but heartbeats, state pulls and endpoint reports. */
export const idle: Bench = {
  name: 'idle',
  targets: ['C2', 'C3'],
  summary: 'nothing happens: memory for each agent, and CPU of the control plane',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 3 : 60)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const { plane } = fleet
    await fleet.pull()
    await fleet.open()
    const life = context.quick
      ? { heartbeatMs: 1_000, pullMs: 1_000, endpointMs: 1_000 }
      : { heartbeatMs: 30_000, pullMs: 60_000, endpointMs: 60_000 }
    await fleet.live(life)
    await fleet.take()
    const before = await plane.usage()
    await context.profiled(plane, () => delay(seconds * 1_000))
    const after = await plane.usage()
    const page = await fleet.take()
    await fleet.rest()
    const cpu = (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds
    const answers = answersOf(page.tally)
    const wrong = answers.others(200, 304)
    if (wrong !== '') context.fault(`answers: ${wrong}`)
    const { faults, events } = await checkLedgers(fleet)
    for (const fault of faults) context.fault(fault)
    await fleet.close()

    const bare = plane.own
      ? await startBareFleet(plane, { agents: size, workers: size > 5_000 ? 2 : 1 })
      : undefined
    context.add({
      id: 'C2',
      what: `memory for each of ${size} agents, all in`,
      series: { name: 'memory', at: size },
      unit: 'KiB',
      value: after.rssBytes / size / 1_024,
      ...(bare ? { floor: { what: 'bare node:https', value: bare.bytesPerStream() / 1_024 } } : {}),
      ...(size >= 5_000 ? { target: { atMost: 110 } } : {}),
    })
    context.add({
      id: 'C3',
      what: `idle CPU with ${size} agents`,
      series: { name: 'idle cpu', at: size },
      unit: '% of a core',
      value: cpu,
      target: { atMost: size <= 1_000 ? 5 : 40 },
    })
    context.add({ what: 'a request, p99', unit: 'ms', value: answers.p99, rounds: answers.count })
    context.add({
      what: 'CPU for a request',
      unit: 'ms',
      value: (cpu * 10 * seconds) / answers.count,
    })
    context.add({ what: 'delay of the event loop, p99', unit: 'ms', value: after.loopP99Ms })
    context.add({
      what: 'memory of the simulator for each agent',
      unit: 'KiB',
      value: page.rssBytes / size / 1_024,
    })
    context.note(`${events} events in ledgers; ${answers.of(304)} of the state pulls were 304`)
    await bare?.[Symbol.asyncDispose]()
  },
}
