import { startPostgres, type TestPostgres } from './server.ts'

/**
 * `PLEXD_TEST_DATABASE=postgres`: control planes of tests keep their state in PostgreSQL, as if it was said so with their data folder.
 * `replicas`: those that are programs are two on one database, too.
 */
const asked = process.env.PLEXD_TEST_DATABASE ?? ''
const isAsked = ['postgres', 'replicas'].includes(asked)

export const areReplicas = asked === 'replicas'

const urls = new Map<string, Promise<string>>()
let server: Promise<TestPostgres> | undefined

/** The database of a data folder, on one server for all in this process; undefined for the file in it. */
export function databaseOfFolder(dataDir: string): Promise<string | undefined> {
  if (!isAsked) return Promise.resolve(undefined)
  return urls.getOrInsertComputed(dataDir, async () => (await serverHere()).createDatabase())
}

function serverHere(): Promise<TestPostgres> {
  server ??= startPostgres().then((started) => {
    // Nobody else knows when the last test is over.
    process.on('exit', () => started[Symbol.dispose]())
    return started
  })
  return server
}
