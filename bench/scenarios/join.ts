import type { Bench } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import { answersOf } from '../fleet/worker/tally.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'

/** How long it takes until a fleet is there: registered, connected, current. */
export const joinBench: Bench = {
  name: 'join',
  targets: [],
  summary: 'register a fleet, pull the first state, open all streams',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const startMs = monotonicMs()
    const fleet = await context.fleet({ agents: size, topology: 'groups' })
    const joinedMs = monotonicMs()
    const page = await fleet.take()
    const registered = answersOf(page.tally, 'register')
    if (registered.of(201) !== size) context.fault(`register: ${registered.others(201)}`)
    context.add({
      what: 'registrations, with a token made for each',
      unit: '/s',
      value: (size * 1_000) / (joinedMs - startMs),
    })
    context.add({ what: 'a registration, 64 at a time, p99', unit: 'ms', value: registered.p99 })
    await fleet.pull()
    const times = await context.profiled(fleet.plane, () => fleet.open())
    context.add({
      what: 'streams opened, 64 at a time',
      unit: '/s',
      value: (size * 1_000) / (monotonicMs() - joinedMs),
      rounds: times.length,
    })
    const result = await checkLedgers(fleet)
    for (const fault of result.faults) context.fault(fault)
    context.note(`${result.events} events in ${size} ledgers, ${result.verified} verified`)
  },
}
