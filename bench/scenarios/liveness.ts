import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { addFaults } from './figures.ts'

/** C13: a machine hangs with its connections open; how long until its peers are told that it is unreachable. */
export const liveness: Bench = {
  name: 'liveness',
  targets: ['C13'],
  summary: 'an agent hangs with its connections open, until its peers are told',
  async run(context) {
    const size = context.agents ?? (context.quick ? 40 : 500)
    const intervalMs = context.quick ? 1_000 : 30_000
    const fleet = await context.fleet({
      agents: size,
      topology: 'full',
      args: ['--heartbeat-interval', `${intervalMs}ms`],
    })
    await fleet.pull()
    await fleet.open()
    await fleet.live({ heartbeatMs: intervalMs, pullMs: 0, endpointMs: 0 })
    // Everyone has been heard of, each at its own time.
    await delay(intervalMs * 1.2)
    const victim = 7
    const among = fleet.identities.map(({ index }) => index).filter((index) => index !== victim)
    await fleet.hang([victim])
    const hungMs = monotonicMs()
    const { medianMs, lastMs } = await fleet.change(
      {
        type: 'peer_endpoint_changed',
        text: '"unreachable"',
        among,
        timeoutMs: 60_000 + intervalMs * 3,
      },
      async () => undefined,
    )
    const toldMs = monotonicMs() - hungMs
    await fleet.recover([victim])
    await delay(intervalMs * 1.5)
    await fleet.rest()
    await addFaults(context, fleet)
    context.add({
      id: 'C13',
      what: `silent with a heartbeat interval of ${intervalMs / 1_000} s, until all are told`,
      unit: 's',
      value: toldMs / 1_000,
      target: { atMost: (3 * intervalMs) / 1_000 },
    })
    context.add({
      id: 'C13',
      what: 'from half of them to the last',
      unit: 's',
      value: (lastMs - medianMs) / 1_000,
      target: { atMost: 1 },
    })
  },
}
