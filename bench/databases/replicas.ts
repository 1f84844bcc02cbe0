import { noPostgres, startPostgres, until } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import { startFleet } from '../fleet/fleet.ts'
import type { Plane } from '../fleet/plane.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { addFaults } from '../scenarios/figures.ts'
import { registerAll } from '../scenarios/registration.ts'
import { readUntilCurrent } from '../scenarios/storm.ts'
import { lastOfMoves } from './last-of-moves.ts'

/** What it costs that all connections come to a control plane that passes them on, and how long nothing comes when the one that serves is killed. */
export const replicas: Bench = {
  name: 'replicas',
  targets: ['C18'],
  summary: 'two control planes on one database: what passing on costs, and the first killed',
  async run(context) {
    if (noPostgres) {
      context.note(noPostgres)
      return
    }
    await using server = await startPostgres({ isDurable: true })
    const openPair = async () => {
      const args = ['--database-url', server.createDatabase()]
      const serving = await context.plane({ args })
      return { serving, passing: await context.plane({ args, beside: serving }) }
    }
    // Each on a database of its own, beside one that only waits, so that both have the same to do.
    const [one, other] = [(await openPair()).serving, (await openPair()).passing]
    await compareRegistrations(context, one, other)
    await compareChanges(context, (await openPair()).serving, (await openPair()).passing)
    await killServing(context, await openPair())
  },
}

interface Pair {
  serving: Plane
  passing: Plane
}

async function compareRegistrations(
  context: BenchContext,
  serving: Plane,
  passing: Plane,
): Promise<void> {
  const count = context.quick ? 16 : 1_000
  const direct = await registerAll(context, serving, count)
  const passedOn = await registerAll(context, passing, count)
  context.add({
    what: 'durable registrations that are passed on, 64 at a time',
    unit: '/s',
    value: passedOn.perSecond,
    rounds: count,
    floor: { what: 'at the one that serves', value: direct.perSecond },
  })
}

async function compareChanges(
  context: BenchContext,
  serving: Plane,
  passing: Plane,
): Promise<void> {
  const size = context.agents ?? (context.quick ? 8 : 300)
  const direct = await oneChange(context, serving, size)
  const passedOn = await oneChange(context, passing, size)
  for (const which of ['median', 'p99'] as const)
    context.add({
      what: `the last of ${size} agents that are passed on has a change, ${which}`,
      unit: 'ms',
      value: passedOn[which],
      floor: { what: 'at the one that serves', value: direct[which] },
    })
}

async function oneChange(context: BenchContext, plane: Plane, agents: number) {
  await using fleet = await startFleet(plane, { agents, topology: 'full' })
  return await lastOfMoves(context, fleet)
}

/** All agents are at the one that passes on; it has to take over, and each has to prove that it has what was changed. */
async function killServing(context: BenchContext, { serving, passing }: Pair): Promise<void> {
  const size = context.agents ?? (context.quick ? 8 : 1_000)
  await using fleet = await startFleet(passing, { agents: size, topology: 'groups' })
  await fleet.pull()
  await fleet.open()
  await fleet.live()
  await Promise.all([1, 2, 3].map((agent) => fleet.move(agent, `198.51.100.2:${1_000 + agent}`)))
  await fleet.take()
  const killedMs = monotonicMs()
  await serving.own?.end('SIGKILL')
  await untilAnswered(passing)
  context.add({
    id: 'C18',
    what: `${size} agents: operators are answered again after kill -9 of the one that serves`,
    unit: 's',
    value: (monotonicMs() - killedMs) / 1_000,
    target: { atMost: 5 },
  })
  await readUntilCurrent(fleet, killedMs)
  const { lastCurrentMs } = await fleet.progress(killedMs)
  context.add({
    id: 'C18',
    what: `${size} agents: all current again`,
    unit: 's',
    value: (lastCurrentMs - killedMs) / 1_000,
    target: { atMost: 5 },
  })
  await fleet.rest()
  await addFaults(context, fleet)
  await fleet.close()
}

/** While nobody serves, requests are refused. */
function untilAnswered({ admin }: Plane): Promise<boolean> {
  const ask = () =>
    admin.listNodes({ query: { limit: '1' } }).then(
      () => true,
      () => false,
    )
  return until('an answer', ask, 60_000, 1)
}
