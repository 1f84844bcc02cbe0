import type { DatabaseSync } from 'node:sqlite'
import { storedHour } from '../hours/hour.ts'
import { damagedHour, rowBytes } from '../hours/merge.ts'
import { hourMs } from '../hours/place.ts'

export const seriesSchema = `
  create table if not exists hours (
    node_id text not null, start_ms integer not null, data blob not null, primary key (node_id, start_ms));
  create index if not exists hours_by_start on hours (start_ms);
  create table if not exists holdings (node_id text primary key, bytes integer not null) without rowid;
  create table if not exists marks (node_id text primary key, last_id integer not null) without rowid;
  create table if not exists cursors (id integer primary key, cursor text not null);
`

/** Of what could be read of a damaged file. Without the cursor nobody knows how far it goes: then what is stored makes its part of it anew. */
export function mendSeries(
  database: DatabaseSync,
  rebuiltFromMs: number,
): { damaged_hours: number } {
  defineIsReadable(database)
  const { changes } = database.prepare(`delete from hours where not ${isReadable}`).run()
  if (!database.prepare('select 1 from cursors').get()) {
    database.exec('delete from marks')
    database.prepare('delete from hours where start_ms > ?').run(rebuiltFromMs - hourMs)
  }
  database.exec(`
    delete from holdings;
    insert into holdings select node_id, sum(length(data) + ${rowBytes}) from hours group by node_id`)
  return { damaged_hours: Number(changes) }
}

/** What SQLite does not see, as it has no checksum of what is in a row. */
export function inspectSeries(database: DatabaseSync): string | undefined {
  defineIsReadable(database)
  const found = database
    .prepare(`select node_id, start_ms from hours where not ${isReadable} limit 1`)
    .get()
  return found && damagedHour(String(found.node_id), Number(found.start_ms))
}

const isReadable = 'is_readable(data, start_ms)'

function defineIsReadable(database: DatabaseSync): void {
  database.function('is_readable', (data, startMs) =>
    Number(data instanceof Uint8Array && storedHour(data, Number(startMs)) !== undefined),
  )
}
