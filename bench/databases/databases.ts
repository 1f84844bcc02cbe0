import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import type { Bench, BenchContext } from '../bench.ts'
import { openDatabaseWay } from '../replicas/way.ts'
import { registerAll } from '../scenarios/registration.ts'
import { lastOfMoves } from './last-of-moves.ts'

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

    await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-far-way-'))
    await using way = await openDatabaseWay(folder.path, {
      ...{ serverFolder: server.folder, url: server.createDatabase() },
      delayMs: 1,
    })
    const far = await context.plane({ args: ['--database-url', way.url] })
    context.add({
      what: 'the same where the way to PostgreSQL takes 1 ms more, either way',
      unit: '/s',
      value: (await registerAll(context, far, count)).perSecond,
      rounds: count,
      floor: { what: 'without', value: postgres.perSecond },
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
  return lastOfMoves(context, await context.fleet({ agents, topology: 'full', args }))
}
