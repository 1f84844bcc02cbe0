import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import { usualLife } from '../fleet/fleet.ts'
import { addFaults, lastOf, moveInTurn } from '../scenarios/figures.ts'
import { registerAll } from '../scenarios/registration.ts'

/** What it costs to have the state in PostgreSQL on the same machine, and durable there, instead of in a file. */
export const databases: Bench = {
  name: 'databases',
  targets: [],
  summary: 'registrations, and one change for all, with the state in PostgreSQL and in a file',
  async run(context) {
    if (noPostgres) {
      context.note(noPostgres)
      return
    }
    await using server = await startPostgres({ isDurable: true })
    const there = () => ['--database-url', server.createDatabase()]
    const count = context.quick ? 16 : 2_000
    const file = await registerAll(context, await context.plane(), count)
    const postgres = await registerAll(context, await context.plane({ args: there() }), count)
    context.add({
      what: 'durable registrations in PostgreSQL, 64 at a time',
      unit: '/s',
      value: postgres.perSecond,
      rounds: count,
      floor: { what: 'in a file', value: file.perSecond },
    })
    context.add({
      what: 'a registration in PostgreSQL, p99',
      unit: 'ms',
      value: postgres.p99,
      floor: { what: 'in a file', value: file.p99 },
    })

    const size = context.agents ?? (context.quick ? 8 : 300)
    const inFile = await oneChange(context, size, [])
    const inPostgres = await oneChange(context, size, there())
    for (const which of ['median', 'p99'] as const)
      context.add({
        what: `${size} agents, the last has a change that is in PostgreSQL, ${which}`,
        unit: 'ms',
        value: inPostgres[which],
        floor: { what: 'in a file', value: inFile[which] },
      })
  },
}

async function oneChange(context: BenchContext, agents: number, args: readonly string[]) {
  const rounds = context.rounds ?? (context.quick ? 2 : 60)
  const fleet = await context.fleet({ agents, topology: 'full', args })
  await fleet.open()
  await fleet.live({ ...usualLife, pullMs: 0, endpointMs: 0 })
  const moves = await moveInTurn(fleet, {
    ip: '198.51.100.1',
    port: 20_000,
    isOver: (round) => round >= rounds + warmUp,
  })
  await fleet.rest()
  await addFaults(context, fleet)
  await fleet.close()
  return lastOf(moves.slice(warmUp))
}

const warmUp = 5
