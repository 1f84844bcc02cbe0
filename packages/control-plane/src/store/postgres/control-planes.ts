import { sql } from 'kysely'
import { openBeside } from './beside.ts'
import type { PostgresPlace } from './place.ts'

/** What a control plane says of itself. */
export interface Announced {
  /** Of this run of it. */
  id: string
  machine: string
  pid: number
  version: string
  state: string
  /** Of one that is read: by the clock of the server. */
  sinceMs: number
  streams: number
  /** `HOST:PORT` at which the others reach it; empty until it listens. */
  address: string
  /** In base64, the key by which it knows connections that the others pass on to it. */
  link: string
  /** By which clients reach it. */
  names: readonly string[]
  /** `HOST:PORT` of its STUN servers, as it says; none of one that is older than the column. */
  stun: readonly string[]
}

/** Where control planes on one database tell each other that they are there, be it their turn or not. */
export interface ControlPlaneRegister extends AsyncDisposable {
  /** It has been in its state for so long, in milliseconds. */
  announce(self: Announced, forMs: number): Promise<void>
  /** With how long ago each was heard of; times are those of the server, as the clocks of machines may differ. */
  list(): Promise<(Announced & { silentMs: number })[]>
  /** It ends, and is not there any more. */
  leave(id: string): Promise<void>
}

const schema = `create table if not exists control_planes (
  id text collate "C" primary key, machine text collate "C" not null, pid bigint not null,
  version text collate "C" not null, state text collate "C" not null, since bigint not null,
  streams bigint not null, seen_at timestamptz not null, address text collate "C" not null,
  link text collate "C" not null, names text[] not null)`

/** An older one that is there meanwhile writes none. Not altered for nothing, as that waits for whoever reads along, such as a dump. */
const stunColumn = `do $$ begin
  if not exists (select from pg_attribute where attrelid = 'control_planes'::regclass
    and attname = 'stun' and not attisdropped)
  then alter table control_planes add column stun text[] not null default '{}'; end if;
end $$`

/** One that was killed is forgotten after this. */
const forgottenAfter = '1 minute'
const maxListed = 1_000
/** A row with more is none of ours, and must not keep those from being read that are: the last time of a Date, and a count. */
const maxTimeMs = 8.64e15
const maxNumber = 2 ** 31
/** Short: whoever ends waits to say so, and others for the lock of whoever opens it. */
const lockWaitMs = 500
const statementMs = 3_000

export async function openControlPlaneRegister(
  place: PostgresPlace,
): Promise<ControlPlaneRegister> {
  const db = await openBeside(place, {
    schema: [schema, stunColumn],
    max: 1,
    lockWaitMs,
    statementMs,
  })
  return {
    async announce({ id, machine, pid, version, state, streams, ...way }, forMs) {
      const gone = sql`delete from control_planes where seen_at < now() - ${forgottenAfter}::interval`
      await gone.execute(db)
      await sql`insert into control_planes
        values (${id}, ${machine}, ${pid}, ${version}, ${state},
          (extract(epoch from now()) * 1000)::bigint - ${Math.round(forMs)}::bigint, ${streams}, now(),
          ${way.address}, ${way.link}, ${way.names}, ${way.stun})
        on conflict (id) do update set state = excluded.state,
          since = case control_planes.state when excluded.state then control_planes.since
            else excluded.since end,
          streams = excluded.streams, seen_at = excluded.seen_at, address = excluded.address,
          names = excluded.names, stun = excluded.stun`.execute(db)
    },
    async list() {
      const { rows } = await sql<Announced & { silentMs: number }>`
        select id, machine, pid, version, state, since as "sinceMs", streams, address, link, names, stun,
          (extract(epoch from now() - seen_at) * 1000)::float8 as "silentMs"
        from control_planes
        where isfinite(seen_at) and since between 0 and ${sql.lit(maxTimeMs)}
          and pid between 0 and ${sql.lit(maxNumber)} and streams between 0 and ${sql.lit(maxNumber)}
        order by machine, id limit ${sql.lit(maxListed)}`.execute(db)
      return rows
    },
    async leave(id) {
      await sql`delete from control_planes where id = ${id}`.execute(db)
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}
