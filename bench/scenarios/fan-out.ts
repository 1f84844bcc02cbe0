import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { startBareFleet } from '../floor/bare-fleet.ts'
import { addFaults, signingFloor } from './figures.ts'

/** C10: how many signed events a second reach their agents, when there are always more. */
export const fanOut: Bench = {
  name: 'fan-out',
  targets: ['C10'],
  summary: 'signed events per second that reach their agents',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 1 : 15)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    const shared = await context.profiled(fleet.plane, () =>
      // Nobody is told of its own move.
      rateOf(fleet, { seconds, told: size - 1 }, async (turn) =>
        fleet.move(turn % size, `198.51.100.9:${1_024 + (turn % 60_000)}`),
      ),
    )
    const own = await rateOf(fleet, { seconds, told: size }, async (turn) => {
      await fleet.plane.admin.putData({
        params: { key: 'bench' },
        body: { target: { selector: '*' }, content_type: 'text/plain', payload: `turn ${turn}` },
      })
    })
    await addFaults(context, fleet)
    await fleet.close()
    const bare = fleet.plane.own
      ? await startBareFleet(fleet.plane, { agents: size, workers: size > 5_000 ? 2 : 1 })
      : undefined
    const broadcastMs = bare ? await bare.broadcast(600).then(() => bare.broadcast(600)) : undefined
    context.add({
      id: 'C10',
      what: `events to ${size} agents, alike for all`,
      unit: '/s',
      value: shared,
      ...(broadcastMs === undefined
        ? {}
        : { floor: { what: 'broadcast by bare node:https', value: (size * 1_000) / broadcastMs } }),
      target: { atLeast: 10_000 },
    })
    context.add({
      id: 'C10',
      what: `events to ${size} agents, each signed for its own`,
      unit: '/s',
      value: own,
      floor: { what: 'signatures on one core', value: 1_000 / signingFloor(1) },
      target: { atLeast: 10_000 },
    })
    await bare?.[Symbol.asyncDispose]()
  },
}

/**
 * Events that came to agents in a second, while as many changes are under way as the control plane takes. Each change
 * is news for `told` agents; rejects when these no longer hear of it.
 */
async function rateOf(
  fleet: Fleet,
  { seconds, told }: { seconds: number; told: number },
  change: (turn: number) => Promise<void>,
): Promise<number> {
  const startMs = monotonicMs()
  const endMs = startMs + seconds * 1_000
  const before = (await fleet.progress()).events
  const arrived = async (): Promise<number> => (await fleet.progress()).events - before
  let turn = 0
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (monotonicMs() < endMs) {
        await change(turn++)
        // No faster than they arrive: it is not the log that is measured.
        await untilArrived(arrived, () => (turn - maxWaiting) * told)
      }
    }),
  )
  return ((await arrived()) * 1_000) / (monotonicMs() - startMs)
}

/** Until as many events have come as are wanted; rejects when none has come for long. */
async function untilArrived(arrived: () => Promise<number>, wanted: () => number): Promise<void> {
  let [seen, sinceMs] = [-1, monotonicMs()]
  for (;;) {
    const count = await arrived()
    if (count >= wanted()) return
    if (count > seen) [seen, sinceMs] = [count, monotonicMs()]
    else if (monotonicMs() - sinceMs > maxSilenceMs)
      throw new Error(`wait for events: ${count} of ${wanted()} came, and none for a minute`)
  }
}

/** Changes that agents may be behind. */
const maxWaiting = 8
const maxSilenceMs = 60_000
