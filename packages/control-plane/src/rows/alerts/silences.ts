import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'
import type { RowUnit } from '../unit.ts'

export type StoredSilence = Row<'alert_silences'>

export async function insertSilence(unit: RowUnit, silence: StoredSilence): Promise<void> {
  await unit.tx.insertInto('alert_silences').values(silence).execute()
  unit.apply({ type: 'alerting_changed', tenant_id: silence.tenant_id })
}

/** Ends it before its time. */
export async function endSilence(
  unit: RowUnit,
  { id, tenant_id }: StoredSilence,
  ended_by: string,
): Promise<void> {
  await unit.tx
    .updateTable('alert_silences')
    .set({ ends_at: unit.nowMs, ended_by })
    .where('id', '=', id)
    .execute()
  unit.apply({ type: 'alerting_changed', tenant_id })
}

export function readSilence(
  reader: Reader,
  { id, tenantId }: { id: string; tenantId: string },
): Promise<StoredSilence | undefined> {
  return reader
    .selectFrom('alert_silences')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

/** Those of a tenant that end after a time. */
export function readSilencesUntil(
  reader: Reader,
  { tenantId, nowMs }: { tenantId: string; nowMs: number },
): Promise<StoredSilence[]> {
  return reader
    .selectFrom('alert_silences')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('ends_at', '>', nowMs)
    .execute()
}

/** Newest first. */
export function readSilencesBefore(
  reader: Reader,
  { tenantId, createdAt, id }: { tenantId: string; createdAt: number; id: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredSilence>> {
  const silences = reader
    .selectFrom('alert_silences')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '<', tuple(createdAt, id)))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
  return readPage(silences, sql<number>`octet_length(reason) + 300`, bounds, (row) => row)
}

/** Deletes those that ended before a time. */
export async function deleteSilencesBefore(tx: Tx, beforeMs: number): Promise<void> {
  await tx.deleteFrom('alert_silences').where('ends_at', '<', beforeMs).execute()
}
