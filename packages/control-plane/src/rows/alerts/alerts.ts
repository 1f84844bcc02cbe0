import type { AlertState } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'

export interface StoredAlert extends Omit<Row<'alerts'>, 'told'> {
  /** Whether webhooks were told that it fires. */
  told: boolean
}

function storedOf(row: Row<'alerts'>): StoredAlert {
  return { ...row, told: row.told === 1 }
}

/** Rows per statement: SQLite accepts some ten thousand parameters. */
const maxRows = 100

/** Writes them, and deletes those that were pending for nothing. */
export async function writeAlerts(
  tx: Tx,
  { put, dropped }: { put: readonly StoredAlert[]; dropped: readonly string[] },
): Promise<void> {
  for (let at = 0; at < put.length; at += maxRows) {
    const rows = put.slice(at, at + maxRows).map((row) => ({ ...row, told: row.told ? 1 : 0 }))
    await tx
      .insertInto('alerts')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet(({ ref }) => ({
          severity: ref('excluded.severity'),
          state: ref('excluded.state'),
          summary: ref('excluded.summary'),
          value: ref('excluded.value'),
          fired_at: ref('excluded.fired_at'),
          resolved_at: ref('excluded.resolved_at'),
          reason: ref('excluded.reason'),
          told: ref('excluded.told'),
        })),
      )
      .execute()
  }
  for (let at = 0; at < dropped.length; at += maxRows)
    await tx
      .deleteFrom('alerts')
      .where('id', 'in', dropped.slice(at, at + maxRows))
      .execute()
}

/** All that are not resolved, of every tenant. */
export async function readOpenAlerts(reader: Reader): Promise<StoredAlert[]> {
  const rows = await reader
    .selectFrom('alerts')
    .selectAll()
    .where('resolved_at', 'is', null)
    .execute()
  return rows.map(storedOf)
}

export interface AlertsBefore {
  tenantId: string
  /** Newest first: those that began before it. */
  since: number
  id: string
  state?: AlertState | undefined
  rule?: string | undefined
  nodeId?: string | undefined
}

export function readAlertsBefore(
  reader: Reader,
  { tenantId, since, id, state, rule, nodeId }: AlertsBefore,
  bounds: PageBounds,
): Promise<FirstOf<StoredAlert>> {
  const alerts = reader
    .selectFrom('alerts')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('since', 'id'), '<', tuple(since, id)))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'firing'))
    // What the state implies: the condition of the index that has only these.
    .$if(state === 'pending' || state === 'firing', (query) =>
      query.where('resolved_at', 'is', null),
    )
    .$if(rule !== undefined, (query) => query.where('rule', '=', rule ?? ''))
    .$if(nodeId !== undefined, (query) => query.where('node_id', '=', nodeId ?? ''))
    .orderBy('since', 'desc')
    .orderBy('id', 'desc')
  return readPage(alerts, sql<number>`octet_length(summary) + 500`, bounds, storedOf)
}

/** Deletes up to `limit` of those that were resolved before a time; resolves to their number. */
export async function deleteResolvedBefore(
  tx: Tx,
  { beforeMs, limit }: { beforeMs: number; limit: number },
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('alerts')
    .where('id', 'in', (query) =>
      query
        .selectFrom('alerts')
        .select('id')
        .where('resolved_at', 'is not', null)
        .where('resolved_at', '<', beforeMs)
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
