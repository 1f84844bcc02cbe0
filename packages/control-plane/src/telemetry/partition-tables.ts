import type { DatabaseSync } from 'node:sqlite'
import { rowBytes } from './pack-removal.ts'
import type { RecordKind } from './packs/kinds.ts'
import { storedText } from './packs/pack.ts'

/** How far a node has come with its queue: records of the epoch below `next` are stored. */
export interface Mark {
  node_id: string
  epoch: string
  next: number
}

/** What a partition begins with. */
export interface NewPartition {
  kind: RecordKind
  nowMs: number
  lastId: number
  marks: readonly Mark[]
}

/** Its ids and marks go on where those of the partition before end. */
export function beginPartition(
  database: DatabaseSync,
  { kind, nowMs, lastId, marks }: NewPartition,
): void {
  database.exec('begin immediate')
  database.prepare('insert into head values (1, ?, ?)').run(kind, nowMs)
  // Of a damaged one there may be packs.
  const known = Number(database.prepare(selectSequence).get()?.seq ?? 0)
  database.exec("delete from sqlite_sequence where name = 'packs'")
  database.prepare("insert into sqlite_sequence values ('packs', ?)").run(Math.max(known, lastId))
  const insert = database.prepare('insert or ignore into marks values (?, ?, ?)')
  for (const { node_id, epoch, next } of marks) insert.run(node_id, epoch, next)
  database.exec('commit')
}

const selectSequence = "select seq from sqlite_sequence where name = 'packs'"

/** Between the last id that is known of a damaged partition and the next: more than there are in any. Nobody knows how many were given. */
export const unknownIds = 2 ** 33

/** Of what could be read of a damaged partition: what its nodes hold, and ids that were not given before. */
export function mendPartition(
  database: DatabaseSync,
  { areIdsKnown }: { areIdsKnown: boolean },
): { damaged_packs: number } {
  defineIsReadable(database)
  const { changes } = database.prepare('delete from packs where not is_readable(body)').run()
  database.exec(`
    delete from holdings;
    insert into holdings select tenant_id, node_id, sum(length(body) + length(words) + ${rowBytes}) from packs group by tenant_id, node_id`)
  if (!areIdsKnown)
    database.exec(`update sqlite_sequence set seq = seq + ${unknownIds} where name = 'packs'`)
  return { damaged_packs: Number(changes) }
}

/** What SQLite does not see, as it has no checksum of what is in a row. */
export function inspectPartition(database: DatabaseSync): string | undefined {
  defineIsReadable(database)
  const found = database
    .prepare('select last_id from packs where not is_readable(body) limit 1')
    .get()
  return found && damagedPack(Number(found.last_id))
}

export function damagedPack(lastId: number): string {
  return `the records up to ${lastId} cannot be read: their checksum is another`
}

function defineIsReadable(database: DatabaseSync): void {
  database.function('is_readable', (body) =>
    Number(body instanceof Uint8Array && storedText(body) !== undefined),
  )
}

export const partitionSchema = `
  create table if not exists head (id integer primary key check (id = 1), kind text not null, created_at integer not null);
  create table if not exists packs (
    last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
    received_at integer not null, min_at integer not null, max_at integer not null, units text, severities text, is_escaped integer not null,
    words blob not null, body blob not null, text_bytes integer not null);
  create index if not exists packs_by_node on packs (node_id, last_id, min_at, max_at);
  create index if not exists packs_by_time on packs (tenant_id, max_at, min_at);
  create table if not exists marks (node_id text primary key, epoch text not null, next integer not null) without rowid;
  create table if not exists holdings (
    tenant_id text not null, node_id text not null, bytes integer not null, primary key (tenant_id, node_id)) without rowid;
`
