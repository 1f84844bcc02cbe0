import type { ScheduleOutcome, TriggeredBy } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'

/** What the runs of a schedule are; nodes by their ids. Durations are as they are shown. */
export interface StoredSpec {
  selector?: string
  nodes?: string[]
  action: string
  parameters: Record<string, string>
  timeout?: string
  max_parallel: number
  max_failures: number
  canary: number
  expires?: string
  healthy_within?: string
  run_expires: string
}

export interface StoredSchedule
  extends Omit<Row<'schedules'>, 'spec' | 'enabled' | 'triggered_by'> {
  spec: StoredSpec
  triggered_by: TriggeredBy
  enabled: boolean
}

export interface StoredTurn extends Omit<Row<'schedule_turns'>, 'outcome'> {
  outcome: ScheduleOutcome
}

function storedOf(row: Row<'schedules'>): StoredSchedule {
  return {
    ...row,
    // Both are written below, and were validated on input.
    spec: JSON.parse(row.spec) as StoredSpec,
    triggered_by: JSON.parse(row.triggered_by) as TriggeredBy,
    enabled: row.enabled === 1,
  }
}

export async function insertSchedule(tx: Tx, schedule: StoredSchedule): Promise<void> {
  const spec = JSON.stringify(schedule.spec)
  const triggered_by = JSON.stringify(schedule.triggered_by)
  await tx
    .insertInto('schedules')
    .values({ ...schedule, spec, triggered_by, enabled: schedule.enabled ? 1 : 0 })
    .execute()
}

export async function changeSchedule(
  tx: Tx,
  id: string,
  { enabled, next_due_at }: { enabled?: boolean; next_due_at: number | null },
): Promise<void> {
  const change = enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }
  await tx
    .updateTable('schedules')
    .set({ ...change, next_due_at })
    .where('id', '=', id)
    .execute()
}

export async function deleteSchedule(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('schedule_turns').where('schedule_id', '=', id).execute()
  await tx.deleteFrom('schedules').where('id', '=', id).execute()
}

/** A schedule of a tenant by its name. */
export async function readScheduleNamed(
  reader: Reader,
  tenantId: string,
  name: string,
): Promise<StoredSchedule | undefined> {
  const row = await reader
    .selectFrom('schedules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && storedOf(row)
}

export async function readSchedule(
  reader: Reader,
  id: string,
): Promise<StoredSchedule | undefined> {
  const row = await reader
    .selectFrom('schedules')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  return row && storedOf(row)
}

/** A tenant's schedules behind a name. */
export function readSchedulesAfter(
  reader: Reader,
  { tenantId, name }: { tenantId: string; name: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredSchedule>> {
  const schedules = reader
    .selectFrom('schedules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('name', '>', name)
    .orderBy('name')
  return readPage(schedules, sql<number>`octet_length(spec)`, bounds, storedOf)
}

export async function countSchedules(reader: Reader, tenantId: string): Promise<number> {
  const { count } = await reader
    .selectFrom('schedules')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Those of every tenant whose time has come, the longest waiting first. */
export async function readDueSchedules(reader: Reader, nowMs: number): Promise<StoredSchedule[]> {
  const rows = await reader
    .selectFrom('schedules')
    .selectAll()
    .where('next_due_at', '<=', nowMs)
    .orderBy('next_due_at')
    .limit(100)
    .execute()
  return rows.map(storedOf)
}

/** Fails for a time that the schedule has had already. */
export async function insertTurn(tx: Tx, turn: StoredTurn): Promise<void> {
  await tx.insertInto('schedule_turns').values(turn).execute()
}

export async function hasHadTurn(reader: Reader, id: string, dueAt: number): Promise<boolean> {
  const row = await reader
    .selectFrom('schedule_turns')
    .select('due_at')
    .where('schedule_id', '=', id)
    .where('due_at', '=', dueAt)
    .executeTakeFirst()
  return row !== undefined
}

/** The last turns of a schedule, newest first. */
export async function readLastTurns(
  reader: Reader,
  id: string,
  limit: number,
): Promise<StoredTurn[]> {
  const rows = await reader
    .selectFrom('schedule_turns')
    .selectAll()
    .where('schedule_id', '=', id)
    .orderBy('due_at', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, outcome: row.outcome as ScheduleOutcome })) // written above
}

/** The ids of all schedules, of every tenant. */
export async function readScheduleIds(reader: Reader): Promise<string[]> {
  const rows = await reader.selectFrom('schedules').select('id').execute()
  return rows.map(({ id }) => id)
}

/** Deletes the turns that a schedule had before a time. */
export async function deleteTurnsBefore(tx: Tx, id: string, beforeMs: number): Promise<void> {
  await tx
    .deleteFrom('schedule_turns')
    .where('schedule_id', '=', id)
    .where('due_at', '<', beforeMs)
    .execute()
}
