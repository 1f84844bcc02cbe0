import type { Bench } from '../bench.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { addFaults, requireAnswers } from './figures.ts'

/** How long it takes until a fleet is registered, connected and current. */
export const joinBench: Bench = {
  name: 'join',
  targets: [],
  summary: 'register a fleet, pull the first state, open all streams',
  topology: 'groups',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const startMs = performance.now()
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const joinedMs = performance.now()
    const registered = answersOf((await fleet.take()).tally, 'register')
    requireAnswers(context, 'register', registered, 201)
    context.add({
      what: 'registrations, with a token made for each',
      unit: '/s',
      value: (size * 1_000) / (joinedMs - startMs),
    })
    context.add({ what: 'a registration, 64 at a time, p99', unit: 'ms', value: registered.p99 })
    await fleet.pull()
    const times = await context.profiled(fleet.plane.own, () => fleet.open())
    context.add({
      what: 'streams opened, 64 at a time',
      unit: '/s',
      value: (size * 1_000) / (performance.now() - joinedMs),
      rounds: times.length,
    })
    await addFaults(context, fleet)
  },
}
