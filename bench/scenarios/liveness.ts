import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { addFaults } from './figures.ts'

/** C13: a machine hangs with its connections open; how long until its peers are told that it is unreachable. */
export const liveness: Bench = {
  name: 'liveness',
  targets: ['C13'],
  summary: 'an agent hangs with its connections open, until its peers are told',
  topology: 'full',
  async run(context) {
    const agents = context.agents ?? (context.quick ? 16 : 500)
    const intervalMs = context.quick ? 1_000 : 30_000
    const args = ['--heartbeat-interval', `${intervalMs}ms`]
    const fleet = await context.fleet({ agents, topology: 'full', args })
    await fleet.pull()
    await fleet.open()
    await fleet.live({ heartbeatMs: intervalMs, pullMs: 0, endpointMs: 0 })
    // Until every agent has sent a heartbeat in its own rhythm.
    await delay(intervalMs * 1.2)
    const victim = 7
    const { median, max } = await fleet.change(
      {
        type: 'peer_endpoint_changed',
        text: '"unreachable"',
        among: fleet.numbers.filter((index) => index !== victim),
        timeoutMs: 60_000 + intervalMs * 3,
      },
      () => fleet.hang([victim]),
    )
    await fleet.recover([victim])
    await delay(intervalMs * 1.5)
    await fleet.rest()
    await addFaults(context, fleet)
    context.add({
      id: 'C13',
      what: `silent with a heartbeat interval of ${intervalMs / 1_000} s, until all are told`,
      unit: 's',
      value: max / 1_000,
      target: { atMost: (3 * intervalMs) / 1_000 },
    })
    context.add({
      id: 'C13',
      what: 'from half of them to the last',
      unit: 's',
      value: (max - median) / 1_000,
      target: { atMost: 1 },
    })
  },
}
