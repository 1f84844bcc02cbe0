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
  sinceMs: number
  streams: number
}

/** Where control planes on one database tell each other that they are there, be it their turn or not. */
export interface ControlPlaneRegister extends AsyncDisposable {
  announce(self: Announced): Promise<void>
  /** With how long ago each was heard of, by the clock of the server: those of machines may differ. */
  list(): Promise<(Announced & { silentMs: number })[]>
  /** It ends, and is not there any more. */
  leave(id: string): Promise<void>
}

const schema = `create table if not exists control_planes (
  id text collate "C" primary key, machine text collate "C" not null, pid bigint not null,
  version text collate "C" not null, state text collate "C" not null, since bigint not null,
  streams bigint not null, seen_at timestamptz not null)`

/** One that was killed is forgotten after this. */
const forgottenAfter = '1 minute'
const maxListed = 1_000

export async function openControlPlaneRegister(
  place: PostgresPlace,
): Promise<ControlPlaneRegister> {
  const db = await openBeside(place, { schema: [schema], max: 1 })
  return {
    async announce({ id, machine, pid, version, state, sinceMs, streams }) {
      const gone = sql`delete from control_planes where seen_at < now() - ${forgottenAfter}::interval`
      await gone.execute(db)
      await sql`insert into control_planes
        values (${id}, ${machine}, ${pid}, ${version}, ${state}, ${sinceMs}, ${streams}, now())
        on conflict (id) do update set state = excluded.state, since = excluded.since,
          streams = excluded.streams, seen_at = excluded.seen_at`.execute(db)
    },
    async list() {
      const { rows } = await sql<Announced & { silentMs: number }>`
        select id, machine, pid, version, state, since as "sinceMs", streams,
          (extract(epoch from now() - seen_at) * 1000)::float8 as "silentMs"
        from control_planes order by machine, id limit ${sql.lit(maxListed)}`.execute(db)
      return rows
    },
    async leave(id) {
      await sql`delete from control_planes where id = ${id}`.execute(db)
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}
