import type pg from 'pg'
import { reasonOf } from '../nothing-changed.ts'
import { describeHolder, holderIn } from './claim.ts'
import { withSession } from './client.ts'
import { connectedBy, type PostgresPlace } from './place.ts'

export interface ServerFacts {
  /** Of the server. */
  version: string
  /** Undefined if there is no installation in the database. */
  schema: number | undefined
  /** Who serves from it: in words, and by its process and machine. */
  holder: { words: string; pid: number; machine: string } | undefined
}

/** A look from beside, which changes nothing. Rejects if there is no way to the server. */
export async function examineServer(place: PostgresPlace): Promise<ServerFacts> {
  return look(place, async (client) => {
    const { rows: versions } = await client.query('show server_version')
    const { rows: tables } = await client.query("select to_regclass('schema_version') as it")
    const { rows: schemas } = tables[0].it
      ? await client.query('select version from schema_version')
      : { rows: [] }
    const holder = await holderIn(client)
    return {
      version: versions[0].server_version,
      schema: schemas[0]?.version,
      holder: holder && { words: describeHolder(holder), ...connectedBy(holder.application) },
    }
  })
}

/** The rows that a query finds, with no type: its columns are known to who wrote it. */
export async function queryServer(
  place: PostgresPlace,
  query: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return look(place, async (client) => (await client.query(query)).rows)
}

async function look<T>(place: PostgresPlace, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const options = { lockWaitMs: 0, isReadOnly: true, statementMs: 3_000 }
  return withSession(place, options, work).catch((error: unknown) => {
    throw reasonOf(error)
  })
}
