import type { DatabaseSync } from 'node:sqlite'
import { placeOf } from '../seal/places.ts'

/** What the main database says of itself. */
export interface DatabaseFacts {
  schemaVersion: number
  epoch: string
  /** The last of the event log. */
  sequence: number
  nodes: number
  /** plexd binaries, by their paths in the data folder. */
  artifacts: { path: string; sha256: string }[]
  /** Text that the master key opens, with its context; every installation has one. */
  sealed: { text: string; context: string } | undefined
}

/** Reads in the transaction of the connection, if it has one. */
export function readFacts(database: DatabaseSync): DatabaseFacts {
  const value = (query: string): unknown => database.prepare(query).get()?.value
  const setting = (name: string): unknown =>
    database.prepare('select value from settings where name = ?').get(name)?.value
  const sealed = database
    .prepare("select id, private_key_sealed as text from signing_keys where state = 'current'")
    .get()
  return {
    schemaVersion: Number(value('select version as value from schema_version')),
    epoch: String(setting('epoch') ?? ''),
    sequence: Math.max(
      Number(value('select max(seq) as value from events') ?? 0),
      Number(setting('events_pruned_through') ?? 0),
    ),
    nodes: Number(value('select count(*) as value from nodes')),
    artifacts: database
      .prepare('select version, os, arch, checksum from artifacts')
      .all()
      .map(({ version, os, arch, checksum }) => ({
        path: `artifacts/plexd/${version}/${os}/${arch}`,
        sha256: String(checksum).replace('sha256:', ''),
      })),
    sealed: sealed && {
      text: String(sealed.text),
      context: placeOf.signingKey(String(sealed.id)),
    },
  }
}
