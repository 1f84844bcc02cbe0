import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handOver } from '@plexd/runtime'
import { openForTests, startPostgres, type TestPostgres } from '@plexd/runtime/testing'

interface PostgresWithHome extends TestPostgres {
  /** A folder for those whose state it has. */
  readonly home: string
}

/** A server of PostgreSQL for the tests of the `describe` that calls this; empty until the first one. */
export const openPostgres = (): PostgresWithHome => openForTests(start)

async function start(): Promise<PostgresWithHome> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startPostgres())
  const home = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  return { ...server, home, [Symbol.asyncDispose]: handOver(stack) }
}
