import { type RawBuilder, sql } from 'kysely'
import { NothingChanged } from '../../store/nothing-changed.ts'
import type { Removed } from '../pack-removal.ts'
import type { RecordKind } from '../packs/kinds.ts'
import type { Holding } from '../partition.ts'
import type { PrunablePartition, PrunablePartitions } from '../retention.ts'
import { type Connection, lockHead, partitionTable } from './head.ts'

/** Packs of one transaction, for which those that write the kind wait. */
const maxPacks = 200
/** For whoever reads a partition that goes, a dump of the database for example: while it waits, all that read the kind wait behind it. */
const dropWaitMs = 300

interface PostgresPartition extends PrunablePartition {
  readonly number: number
}

/** Partitions as prunePartitions takes them; a control plane that has lost its turn may still be doing it, too. */
export function createPartitions(db: Connection): PrunablePartitions<PostgresPartition> {
  return {
    async of(kind) {
      const { rows } = await sql<{ number: number }>`
        select number from telemetry_partitions where kind = ${kind} order by number`.execute(db)
      return rows.map(({ number }) => partitionOf(db, kind, number))
    },
    drop: (kind, { number }) =>
      dropPartition(db, kind, number).catch((error: unknown) => {
        // The next time, then; it is read by somebody.
        if (error instanceof NothingChanged) return 0
        throw error
      }),
  }
}

function partitionOf(db: Connection, kind: RecordKind, number: number): PostgresPartition {
  const isHere = sql`kind = ${kind} and number = ${number}`
  const remove = (which: RawBuilder<unknown>): Promise<Removed> =>
    removePacks(db, { kind, isHere, which })
  return {
    number,
    async lastReceivedAtMs() {
      const { rows } = await sql<{ received_at: number }>`
        select received_at from telemetry_packs where ${isHere} order by last_id desc limit 1`.execute(
        db,
      )
      return rows[0]?.received_at ?? 0
    },
    async holdings() {
      const { rows } = await sql<Holding>`
        select tenant_id, node_id, bytes from telemetry_holdings where ${isHere} and bytes > 0`.execute(
        db,
      )
      return rows
    },
    async tenantBytes() {
      const { rows } = await sql<Holding>`
        select tenant_id, sum(bytes)::bigint as bytes from telemetry_holdings where ${isHere} group by tenant_id`.execute(
        db,
      )
      return rows
    },
    removeOf: ({ node_id }, bytes) =>
      remove(sql`
        select last_id from (
          select last_id, sum(bytes) over (order by last_id) - bytes as bytes_before from (
            select last_id, bytes from telemetry_packs where ${isHere} and node_id = ${node_id}
            order by last_id limit ${sql.lit(maxPacks)}) as oldest) as sized
        where bytes_before < ${bytes}`),
    removeBefore: (beforeMs) =>
      remove(sql`
        select last_id from (
          select last_id, received_at from telemetry_packs where ${isHere}
          order by last_id limit ${sql.lit(maxPacks)}) as oldest
        where received_at < ${beforeMs}`),
  }
}

async function removePacks(
  db: Connection,
  {
    kind,
    isHere,
    which,
  }: { kind: RecordKind; isHere: RawBuilder<unknown>; which: RawBuilder<unknown> },
): Promise<Removed> {
  return db.transaction().execute(async (tx) => {
    await lockHead(tx, kind)
    const { rows } = await sql<Removed>`with
      gone as (
        delete from telemetry_packs where ${isHere} and last_id in (${which}) returning tenant_id, node_id, count, bytes),
      of_node as (select tenant_id, node_id, sum(bytes) as bytes, sum(count) as records from gone group by tenant_id, node_id),
      held as (
        update telemetry_holdings as holding set bytes = holding.bytes - of_node.bytes, records = holding.records - of_node.records from of_node
        where ${isHere} and holding.node_id = of_node.node_id and holding.tenant_id = of_node.tenant_id)
      select coalesce(sum(count), 0)::bigint as records, coalesce(sum(bytes), 0)::bigint as bytes from gone`.execute(
      tx,
    )
    const [removed = { records: 0, bytes: 0 }] = rows
    if (removed.records > 0)
      await sql`delete from telemetry_holdings where ${isHere} and bytes <= 0`.execute(tx)
    return removed
  })
}

/** How many records went; none if another control plane was faster. */
async function dropPartition(db: Connection, kind: RecordKind, number: number): Promise<number> {
  return db.transaction().execute(async (tx) => {
    await lockHead(tx, kind)
    const isHere = sql`kind = ${kind} and number = ${number}`
    const { numAffectedRows } = await sql`delete from telemetry_partitions where ${isHere}`.execute(
      tx,
    )
    if (!numAffectedRows) return 0
    const { rows } = await sql<{ records: number }>`
      with held as (delete from telemetry_holdings where ${isHere} returning records)
      select coalesce(sum(records), 0)::bigint as records from held`.execute(tx)
    await sql`set local lock_timeout = ${sql.lit(dropWaitMs)}`.execute(tx)
    await sql`drop table ${sql.table(partitionTable(kind, number))}`.execute(tx)
    return rows[0]?.records ?? 0
  })
}
