import { until } from '@plexd/runtime/testing'
import type { Bench } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { addFaults, after, signingFloor } from './figures.ts'

/** C10: how many signed events a second reach their agents when there are always more. */
export const fanOut: Bench = {
  name: 'fan-out',
  targets: ['C10'],
  summary: 'signed events per second that reach their agents',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const seconds = context.seconds ?? (context.quick ? 0.5 : 15)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    const { plane } = fleet
    await fleet.open()
    const shared = await context.profiled(plane.own, () =>
      // A node is not told of its own move.
      rateOf(fleet, { seconds, told: size - 1 }, (turn) =>
        fleet.move(turn % size, `198.51.100.9:${1_024 + (turn % 60_000)}`),
      ),
    )
    const own = await rateOf(fleet, { seconds, told: size }, (turn) =>
      plane.admin.putData({
        params: { key: 'bench' },
        body: { target: { selector: '*' }, content_type: 'text/plain', payload: `turn ${turn}` },
      }),
    )
    await addFaults(context, fleet)
    await fleet.close()
    const bare = await context.bare(plane, size)
    const broadcast = await bare?.broadcasts({ rounds: 1 })
    context.add({
      id: 'C10',
      what: `events to ${size} agents, alike for all`,
      unit: '/s',
      value: shared,
      floor: broadcast && {
        what: 'broadcast by bare node:https',
        value: (size * 1_000) / broadcast.median,
      },
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
  },
}

/**
 * Events that reach agents in a second, while as many changes are under way as the control plane accepts. Each change
 * makes `told` events; rejects when they stay away for a minute.
 */
async function rateOf(
  fleet: Fleet,
  { seconds, told }: { seconds: number; told: number },
  change: (turn: number) => Promise<unknown>,
): Promise<number> {
  const startMs = performance.now()
  const isOver = after(seconds)
  const before = (await fleet.progress()).events
  const arrived = async (): Promise<number> => (await fleet.progress()).events - before
  let turn = 0
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!isOver()) {
        await change(turn++)
        // No faster than the events arrive: the log alone would be faster.
        const isNear = async () => (await arrived()) >= (turn - maxWaiting) * told
        await until(`the events of change ${turn - maxWaiting}`, isNear, 60_000)
      }
    }),
  )
  return ((await arrived()) * 1_000) / (performance.now() - startMs)
}

/** How many changes the agents may be behind. */
const maxWaiting = 8
