import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { addFaults, addLoopDelay, after, liveFor, p99Of } from './figures.ts'

/** C1: a whole fleet for a long time, with a change every second, and no event is missed. */
export const capacity: Bench = {
  name: 'capacity',
  targets: ['C1'],
  summary: 'a fleet for a long time: heartbeats, pulls, reports, a change every second',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 10_000)
    const seconds = context.seconds ?? (context.quick ? 1.5 : 600)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    await fleet.pull()
    await fleet.open()
    await fleet.each((worker) => worker.fold(5))
    let changes = 0
    const { cpuShare, usage, page, answers } = await liveFor(context, fleet, seconds, async () => {
      const isOver = after(seconds)
      while (!isOver()) {
        // The agent's own next report moves it back, which is another change.
        await fleet.move((changes * 97) % size, `198.51.100.8:${1_024 + (changes % 60_000)}`)
        changes++
        await delay(1_000)
      }
    })
    await addFaults(context, fleet)
    const { open } = await fleet.progress()
    context.add({
      id: 'C1',
      what: `${size} agents for ${Math.round(seconds / 60)} min: faults in ledgers, answers, signatures`,
      unit: '',
      value: context.faults(),
      target: { atMost: 0 },
    })
    context.add({
      id: 'C1',
      what: `a request, p99, at ${Math.round(answers.count / seconds)}/s`,
      unit: 'ms',
      ...p99Of(answers),
      target: { atMost: 50 },
    })
    for (const kind of ['heartbeat', 'state', 'endpoint'])
      context.add({ what: `${kind}, p99`, unit: 'ms', value: answersOf(page.tally, kind).p99 })
    context.add({
      what: 'CPU of the control plane',
      unit: '% of a core',
      value: cpuShare,
    })
    context.add({
      what: 'its memory for each agent',
      unit: 'KiB',
      value: usage.rssBytes / size / 1_024,
    })
    addLoopDelay(context, usage)
    context.note(`${changes} changes; ${open} of ${size} streams open at the end`)
  },
}
