import type { EventType } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import { readAnnouncement } from '../authorities.ts'
import { isOutstanding } from '../executions/executions.ts'
import { inOrder } from '../fleet/in-order.ts'
import { readNodeChanges } from '../fleet/nodes.ts'
import { readOperators } from '../fleet/operators.ts'
import { readPolicies } from '../fleet/policies.ts'
import { readTenants } from '../fleet/tenants.ts'
import { isUnheard, readSessionsIn } from '../sessions.ts'
import { readSetting, writeSetting } from '../settings.ts'
import { readSigningKeys } from '../signing-keys.ts'
import type { LoggedChange, RowUnit } from '../unit.ts'
import { decodeAudience, encodeAudience } from './audience.ts'
import { type LoggedEvent, sessionToldBy, toldBy } from './events.ts'

/** What a unit of work has committed: its changes, and the events for nodes. */
export interface Commit {
  readonly changes: readonly LoggedChange[]
  readonly events: readonly LoggedEvent[]
  /** The last sequence of the log with this commit. */
  readonly lastSeq: number
}

/**
 * Stores what one unit of work commits. The changes are in the row of its first event, so that a reader of that event
 * has all of them; without events they get a row of their own with `ownSeq`. Resolves to the first sequence written.
 */
export async function insertCommit(
  tx: Tx,
  { changes, events }: Omit<Commit, 'lastSeq'>,
  { ownSeq, nowMs }: { ownSeq: () => number; nowMs: number },
): Promise<number | undefined> {
  const references = encodeReferences(changes)
  if (events.length === 0) {
    if (references === null) return undefined
    await deleteUntold(tx, references)
  }
  const rows = events.length === 0 ? [{ ...noEvent, seq: ownSeq(), created_at: nowMs }] : events
  const values = rows.map(({ audience, ...row }, index) => ({
    ...row,
    audience: encodeAudience(audience),
    changes: index === 0 ? references : null,
  }))
  for (let at = 0; at < values.length; at += maxRows)
    await tx
      .insertInto('events')
      .values(values.slice(at, at + maxRows))
      .execute()
  return rows[0]?.seq
}

/**
 * Of the rows without events that refer to the same records, only the first and the new one say anything: references are
 * resolved when they are read, and the first gives a new node its place behind older ones. So a node that keeps moving
 * without its peers being told occupies two rows, not thousands.
 */
async function deleteUntold(tx: Tx, references: string): Promise<void> {
  await sql`delete from events where event_type = '' and changes = ${references}
    and seq > (select min(seq) from events where event_type = '' and changes = ${references})`.execute(
    tx,
  )
}

/** Rows per statement; each other number of rows would be another prepared statement to cache. */
const maxRows = 8

const noEvent = { event_id: '', event_type: '', payload: '', audience: new Uint32Array() }

/** A part of the log, as one commit. Continue reading after its `lastSeq`. */
export interface LogPage extends Commit {
  readonly more: boolean
}

/**
 * The commits after `afterSeq`, in order; undefined if the log has been pruned beyond that. Changes contain the current
 * state of their nouns, which may be newer than the end of the page: applying all pages in order
 * leads to the current state, and any page may be applied again.
 */
export async function readAfter(
  reader: Reader,
  afterSeq: number,
  limit = 500,
): Promise<LogPage | undefined> {
  const rows = await reader
    .selectFrom('events')
    .selectAll()
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  const changes = await readChanges(
    reader,
    rows.flatMap((row) => (row.changes === null ? [] : decodeReferences(row.changes))),
  )
  // Last: rows may have been pruned while these were read.
  const through = Number((await readSetting(reader, 'events_pruned_through')) ?? 0)
  if (through > afterSeq) return undefined
  return {
    changes: [{ type: 'log_trimmed', through }, ...changes],
    events: rows.flatMap(({ changes: _, event_type, audience, ...row }): LoggedEvent[] =>
      event_type === ''
        ? []
        : [
            {
              ...row,
              event_type: event_type as EventType, // only insertCommit writes it
              audience: Uint32Array.from(decodeAudience(audience)),
            },
          ],
    ),
    lastSeq: rows.at(-1)?.seq ?? afterSeq,
    more: rows.length === limit,
  }
}

/** Deletes everything up to `upTo`, except what nodes may have to be told again of their executions and sessions. */
export async function trimLog(unit: RowUnit, upTo: number): Promise<void> {
  await unit.tx
    .deleteFrom('events')
    .where('seq', '<=', upTo)
    .where('seq', 'not in', (query) =>
      query
        .selectFrom('executions')
        .select(toldBy.as('seq'))
        .where(isOutstanding)
        .where(toldBy, 'is not', null)
        .where('deadline_at', '>', unit.nowMs),
    )
    .where('seq', 'not in', (query) =>
      query
        .selectFrom('sessions')
        .select(sessionToldBy.as('seq'))
        .where(isUnheard)
        .where(sessionToldBy, 'is not', null)
        .where('expires_at', '>', unit.nowMs),
    )
    .execute()
  await writeSetting(unit.tx, 'events_pruned_through', String(upTo))
  unit.apply({ type: 'log_trimmed', through: upTo })
}

/**
 * The stored form of a change: which record changed, not its content. The content is read from its own row, so nothing
 * is stored twice, and no reader has to understand the format of an older version.
 */
type Reference = readonly [noun: keyof typeof readers, id: string]

/** The current state of the records with these ids, in the order of the ids. */
const readers = {
  async tenant(reader: Reader, ids: readonly string[]): Promise<LoggedChange[]> {
    const tenants = await readTenants(reader)
    return inOrder(ids, tenants, (tenant) => tenant && { type: 'tenant_put', tenant })
  },
  async operator(reader: Reader, ids: readonly string[]): Promise<LoggedChange[]> {
    return inOrder(ids, await readOperators(reader, ids), (operator, id) =>
      operator ? { type: 'operator_put', operator } : { type: 'operator_removed', id },
    )
  },
  node: readNodeChanges,
  async policy(reader: Reader, ids: readonly string[]): Promise<LoggedChange[]> {
    return inOrder(ids, await readPolicies(reader, ids), (policy, id) =>
      policy ? { type: 'policy_put', policy } : { type: 'policy_removed', id },
    )
  },
  async entries(_: Reader, tenantIds: readonly string[]): Promise<LoggedChange[]> {
    return tenantIds.map((tenant_id) => ({ type: 'entries_changed', tenant_id }))
  },
  async session(reader: Reader, ids: readonly string[]): Promise<LoggedChange[]> {
    const sessions = await readSessionsIn(reader, ids)
    return sessions.map((session) => ({ type: 'session_put', session }))
  },
  async alerting(_: Reader, tenantIds: readonly string[]): Promise<LoggedChange[]> {
    return tenantIds.map((tenant_id) => ({ type: 'alerting_changed', tenant_id }))
  },
  async announcement(reader: Reader): Promise<LoggedChange[]> {
    const text = await readAnnouncement(reader)
    return text === undefined ? [] : [{ type: 'announcement_put', text }]
  },
  async signing_keys(reader: Reader): Promise<LoggedChange[]> {
    return [{ type: 'signing_keys_put', keys: await readSigningKeys(reader) }]
  },
}

/** Undefined for changes of a setting. */
function referenceOf(change: LoggedChange): Reference | undefined {
  switch (change.type) {
    case 'tenant_put':
      return ['tenant', change.tenant.id]
    case 'operator_put':
      return ['operator', change.operator.id]
    case 'operator_removed':
      return ['operator', change.id]
    case 'node_put':
    case 'node_removed':
      return ['node', change.node.id]
    case 'policy_put':
      return ['policy', change.policy.id]
    case 'policy_removed':
      return ['policy', change.id]
    case 'entries_changed':
      return ['entries', change.tenant_id]
    case 'session_put':
      return ['session', change.session.id]
    case 'alerting_changed':
      return ['alerting', change.tenant_id]
    case 'signing_keys_put':
      return ['signing_keys', '']
    case 'announcement_put':
      return ['announcement', '']
    case 'log_trimmed':
      return undefined
  }
}

/** Without duplicates; null if there are none. */
function encodeReferences(changes: readonly LoggedChange[]): string | null {
  const references = new Map<string, Reference>()
  for (const reference of changes.map(referenceOf))
    if (reference) references.set(reference.join(' '), reference)
  return references.size === 0 ? null : JSON.stringify([...references.values()])
}

function decodeReferences(text: string): Reference[] {
  return JSON.parse(text) as Reference[] // by encodeReferences
}

/** In order of first occurrence within each noun, because new nodes are numbered in that order. */
async function readChanges(
  reader: Reader,
  references: readonly Reference[],
): Promise<LoggedChange[]> {
  const changes: LoggedChange[] = []
  for (const [noun, read] of Object.entries(readers)) {
    const ids = new Set(references.filter(([of]) => of === noun).map(([, id]) => id))
    if (ids.size > 0) changes.push(...(await read(reader, [...ids])))
  }
  return changes
}
