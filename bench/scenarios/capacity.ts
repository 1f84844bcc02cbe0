import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { usualLife } from '../fleet/fleet.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { addFaults } from './figures.ts'

/** C1: a whole fleet lives for long, something changes every second, and no event is missed. */
export const capacity: Bench = {
  name: 'capacity',
  targets: ['C1'],
  summary: 'a fleet lives for long: heartbeats, pulls, reports, a change every second',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 10_000)
    const seconds = context.seconds ?? (context.quick ? 4 : 600)
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    await fleet.pull()
    await fleet.open()
    await fleet.each((worker) => worker.fold({ count: 5 }))
    const life = context.quick
      ? { heartbeatMs: 1_000, pullMs: 1_000, endpointMs: 1_000 }
      : usualLife
    await fleet.live(life)
    await fleet.take()
    const before = await fleet.plane.usage()
    const startMs = monotonicMs()
    let changes = 0
    await context.profiled(fleet.plane, async () => {
      while (monotonicMs() - startMs < seconds * 1_000) {
        // In the place of one of them: its next own report takes it back, which is a change too.
        await fleet.move((changes * 97) % size, `198.51.100.8:${1_024 + (changes % 60_000)}`)
        changes++
        await delay(1_000)
      }
    })
    const after = await fleet.plane.usage()
    await fleet.rest()
    const page = await fleet.take()
    const answers = answersOf(page.tally)
    const wrong = answers.others(200, 304)
    if (wrong !== '') context.fault(`answers: ${wrong}`)
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
      value: answers.p99,
      low: answers.median,
      high: answers.max,
      rounds: answers.count,
      target: { atMost: 50 },
    })
    for (const kind of ['heartbeat', 'state', 'endpoint'])
      context.add({ what: `${kind}, p99`, unit: 'ms', value: answersOf(page.tally, kind).p99 })
    context.add({
      what: 'CPU of the control plane',
      unit: '% of a core',
      value: (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds,
    })
    context.add({
      what: 'its memory for each agent',
      unit: 'KiB',
      value: after.rssBytes / size / 1_024,
    })
    context.add({ what: 'delay of its event loop, p99', unit: 'ms', value: after.loopP99Ms })
    context.note(`${changes} changes; ${open} of ${size} streams open at the end`)
  },
}
