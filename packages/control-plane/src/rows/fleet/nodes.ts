import type { Capabilities, Metadata, NskFormat } from '@plexd/protocol'
import { sql } from 'kysely'
import type { FleetChange, NodeRecord } from '../../mesh/fleet.ts'
import type { Reader } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { deleteHeed } from '../node-heeds.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'
import type { RowUnit } from '../unit.ts'
import { inOrder } from './in-order.ts'
import { binaryOf, type StoredBinary } from './node-binaries.ts'

type NodeRow = Row<'nodes'>
/** `no` is given by the database, and `is_go` follows from `user_agent`. */
type RecordColumn = Exclude<keyof NodeRecord, 'no' | 'is_go'>

function recordOf(row: NodeRow): NodeRecord {
  return {
    no: row.no,
    id: row.id,
    tenant_id: row.tenant_id,
    hostname: row.hostname,
    mesh_ip: row.mesh_ip,
    public_key: row.public_key,
    key_epoch: row.key_epoch,
    key_changed_at: row.key_changed_at,
    token_hash: row.token_hash,
    nsk_hash: row.nsk_hash,
    next_token_hash: row.next_token_hash,
    next_nsk_hash: row.next_nsk_hash,
    // All three are written below, and were truncated or validated on input.
    labels: JSON.parse(row.labels) as Metadata,
    reported: JSON.parse(row.reported) as Metadata,
    local_endpoints: JSON.parse(row.local_endpoints) as string[],
    endpoint: row.endpoint,
    nat_type: row.nat_type,
    user_agent: row.user_agent,
    is_go: isGoAgent(row.user_agent),
    status: row.status,
    endpoint_untold: row.endpoint_untold === 1,
    rotate_keys: row.rotate_keys === 1,
  }
}

/** The inverse. */
function columnsOf({ is_go: _, ...record }: Omit<NodeRecord, 'no'>): Pick<NodeRow, RecordColumn> {
  return {
    ...record,
    labels: JSON.stringify(record.labels),
    reported: JSON.stringify(record.reported),
    local_endpoints: JSON.stringify(record.local_endpoints),
    endpoint_untold: record.endpoint_untold ? 1 : 0,
    rotate_keys: record.rotate_keys ? 1 : 0,
  }
}

/**
 * Whether the user agent is the Go agent's: its version and nothing after it. The Go agent may announce capabilities,
 * but compares policies by id, acts on no event except a new signing key, and never rotates a key.
 */
export function isGoAgent(userAgent: string): boolean {
  return /^plexd\/\S+$/.test(userAgent)
}

/** The columns of a node that are not held in memory. */
export interface RowOnly {
  capabilities: Capabilities
  /** The keys of `labels` whose origin (operator or node) is unknown. */
  labels_unconfirmed: readonly string[]
  nsk_sealed: string
  /** New secrets that it has not used yet. */
  next_secrets_sealed: string | null
}

function rowOnlyColumns({
  capabilities,
  labels_unconfirmed,
  ...sealed
}: Partial<RowOnly>): Partial<NodeRow> {
  return {
    ...sealed,
    ...(capabilities && { capabilities: JSON.stringify(capabilities) }),
    ...(labels_unconfirmed && { labels_unconfirmed: JSON.stringify(labels_unconfirmed) }),
  }
}

/**
 * Replaces a node in its row and in the fleet. Only changed columns are written, because the
 * others may be indexed.
 */
export async function putNode(
  unit: RowUnit,
  after: NodeRecord,
  rowOnly: Partial<RowOnly> = {},
): Promise<void> {
  const before = unit.fleet.node(after.id)
  if (!before) throw new Error(`put node "${after.id}": it is not in the fleet`)
  const columns = { ...changesOf(before, after), ...rowOnlyColumns(rowOnly) }
  if (Object.keys(columns).length > 0)
    await unit.tx.updateTable('nodes').set(columns).where('id', '=', after.id).execute()
  if (after !== before) unit.apply({ type: 'node_put', node: after })
}

function changesOf(before: NodeRecord, after: NodeRecord): Partial<NodeRow> {
  const isOther = (column: string): boolean =>
    before[column as RecordColumn] !== after[column as RecordColumn] // as columnsOf names them
  return Object.fromEntries(Object.entries(columnsOf(after)).filter(([column]) => isOther(column)))
}

/** The columns of a new node. */
export type NewNode = Pick<
  NodeRecord,
  | 'id'
  | 'tenant_id'
  | 'hostname'
  | 'mesh_ip'
  | 'public_key'
  | 'token_hash'
  | 'nsk_hash'
  | 'labels'
  | 'reported'
  | 'user_agent'
> &
  Pick<RowOnly, 'nsk_sealed'> & { nsk_format: NskFormat; capabilities: Capabilities | null }

/** The state before its first call. */
export async function insertNode(
  unit: RowUnit,
  { nsk_sealed, nsk_format, capabilities, ...given }: NewNode,
): Promise<NodeRecord> {
  const record: Omit<NodeRecord, 'no'> = {
    ...given,
    key_epoch: 1,
    key_changed_at: unit.nowMs,
    next_token_hash: null,
    next_nsk_hash: null,
    endpoint: '',
    nat_type: '',
    local_endpoints: [],
    endpoint_untold: false,
    is_go: isGoAgent(given.user_agent),
    status: 'pending',
    rotate_keys: false,
  }
  const { no } = await unit.tx
    .insertInto('nodes')
    .values({
      ...columnsOf(record),
      nsk_sealed,
      nsk_format,
      capabilities: capabilities && JSON.stringify(capabilities),
      registered_at: unit.nowMs,
    })
    .returning('no')
    .executeTakeFirstOrThrow()
  const node = { no, ...record }
  unit.apply({ type: 'node_put', node })
  return node
}

/** Keeps the row, so that its mesh IP is not reused for a while, and its number never. */
export async function removeNode(unit: RowUnit, node: NodeRecord): Promise<void> {
  const removed_at = unit.nowMs
  await unit.tx.updateTable('nodes').set({ removed_at }).where('id', '=', node.id).execute()
  await deleteHeed(unit.tx, node.id)
  unit.apply({ type: 'node_removed', node, removed_at })
}

/** A node with the columns shown to operators. */
export interface StoredNode {
  readonly node: NodeRecord
  readonly registered_at: number
  /** The capabilities it announced; null if none. */
  readonly capabilities: Capabilities | null
  /** Null if it has not said what it runs. */
  readonly binary: StoredBinary | null
}

function storedOf(row: NodeRow): StoredNode {
  const { registered_at, capabilities } = row
  return {
    node: recordOf(row),
    registered_at,
    capabilities: capabilities === null ? null : (JSON.parse(capabilities) as Capabilities), // validated before it was stored
    binary: binaryOf(row),
  }
}

export async function readNode(reader: Reader, id: string): Promise<StoredNode | undefined> {
  const row = await reader.selectFrom('nodes').selectAll().where('id', '=', id).executeTakeFirst()
  return row && storedOf(row)
}

/** The nodes with these numbers that are not removed, in order of registration. */
export function readNodes(
  reader: Reader,
  numbers: readonly number[],
  bounds: PageBounds,
): Promise<FirstOf<StoredNode>> {
  const nodes = reader
    .selectFrom('nodes')
    .selectAll()
    .where('no', 'in', numbers)
    .where('removed_at', 'is', null)
    .orderBy('no')
  return readPage(nodes, bytes, bounds, storedOf)
}

/** The columns of variable size, for limiting a page. */
const bytes = sql<number>`octet_length(labels) + octet_length(reported) + octet_length(local_endpoints)
  + octet_length(coalesce(capabilities, ''))`

/** All nodes in order of registration, after those removed since a time in order of removal. */
export async function readNodesSince(reader: Reader, sinceMs: number): Promise<FleetChange[]> {
  const rows = await reader
    .selectFrom('nodes')
    .selectAll()
    .where((where) =>
      where.or([where('removed_at', 'is', null), where('removed_at', '>', sinceMs)]),
    )
    .orderBy('removed_at', (order) => order.asc().nullsLast())
    .orderBy('no')
    .execute()
  return rows.map(changeOf)
}

/** The current state of these nodes, in order of their ids. */
export async function readNodeChanges(
  reader: Reader,
  ids: readonly string[],
): Promise<FleetChange[]> {
  const rows = await reader.selectFrom('nodes').selectAll().where('id', 'in', ids).execute()
  return inOrder(ids, rows, (row) => row && changeOf(row))
}

function changeOf(row: NodeRow): FleetChange {
  const node = recordOf(row)
  return row.removed_at === null
    ? { type: 'node_put', node }
    : { type: 'node_removed', node, removed_at: Number(row.removed_at) }
}
