import type { EventType } from '@plexd/protocol'
import type { Reader, Tx } from '../../store/db.ts'
import { readNodeChanges } from '../fleet/nodes.ts'
import { readOperatorChanges } from '../fleet/operators.ts'
import { readPolicyChanges } from '../fleet/policies.ts'
import { readTenantChanges } from '../fleet/tenants.ts'
import { readSetting, writeSetting } from '../settings.ts'
import type { LoggedChange, RowUnit } from '../unit.ts'
import { decodeAudience, encodeAudience } from './audience.ts'
import type { LoggedEvent } from './events.ts'

/** What units of work have committed: all that changed, and then what nodes are told of it. */
export interface Commit {
  readonly changes: readonly LoggedChange[]
  readonly events: readonly LoggedEvent[]
  /** How far the log has come with it. */
  readonly lastSeq: number
}

/**
 * Writes down what one unit of work commits. Changes stand beside its first event, so that whoever has read that has
 * them all; `ownSeq` numbers a row of their own where nobody is told. Resolves to the first sequence that it wrote.
 */
export async function insertCommit(
  tx: Tx,
  { changes, events }: Omit<Commit, 'lastSeq'>,
  { ownSeq, nowMs }: { ownSeq: () => number; nowMs: number },
): Promise<number | undefined> {
  const references = encodeReferences(changes)
  if (references === null && events.length === 0) return undefined
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

/** Of one statement: with more, each number of them would be another one to keep ready. */
const maxRows = 8

const noEvent = { event_id: '', event_type: '', payload: '', audience: new Uint32Array() }

/** A part of the log, as one commit. Read on behind its `lastSeq`. */
export interface LogPage extends Commit {
  readonly more: boolean
}

/**
 * What was committed behind `afterSeq`, in its order; undefined when the log no longer has all of it. Changes say what
 * their nouns are by now, which may be more than they were at the end of the page: whoever applies the pages one after
 * another ends with what is so, and may apply any of them again.
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
  // Last: rows may have been deleted while these were read.
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

/** Deletes all up to `upTo`, but what asks for an action that is still to be answered. */
export async function trimLog(unit: RowUnit, upTo: number): Promise<void> {
  await unit.tx
    .deleteFrom('events')
    .where('seq', '<=', upTo)
    .where('seq', 'not in', (query) =>
      query
        .selectFrom('executions')
        .select('event_seq')
        .where('status', '=', 'pending')
        .where('deadline_at', '>', unit.nowMs),
    )
    .execute()
  await writeSetting(unit.tx, 'events_pruned_through', String(upTo))
  unit.apply({ type: 'log_trimmed', through: upTo })
}

/**
 * A change as the log keeps it: what has changed, not what it is now. That stands in its own row: nothing is written
 * twice, and nobody has to understand the form that an older version gave it.
 */
type Reference = readonly [noun: keyof typeof readers, id: string]

const readers = {
  tenant: readTenantChanges,
  operator: readOperatorChanges,
  node: readNodeChanges,
  policy: readPolicyChanges,
  entries: async (_: Reader, tenantIds: readonly string[]): Promise<LoggedChange[]> =>
    tenantIds.map((tenant_id) => ({ type: 'entries_changed', tenant_id })),
}

/** Undefined for what a setting says. */
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
    case 'log_trimmed':
      return undefined
  }
}

/** Each once; null for none. */
function encodeReferences(changes: readonly LoggedChange[]): string | null {
  const references = new Map<string, Reference>()
  for (const reference of changes.map(referenceOf))
    if (reference) references.set(reference.join(' '), reference)
  return references.size === 0 ? null : JSON.stringify([...references.values()])
}

function decodeReferences(text: string): Reference[] {
  return JSON.parse(text) as Reference[] // by encodeReferences
}

/** In the order of their first mention, within each noun: new nodes are numbered in it. */
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
