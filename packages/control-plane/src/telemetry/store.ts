import type { BatchPosition } from '@plexd/protocol'

/** What nodes report apart from their state: the three kinds of batches, and also drift and violations. */
export const recordKinds = ['metrics', 'logs', 'audit', 'drift', 'violations'] as const
export type RecordKind = (typeof recordKinds)[number]

export function isRecordKind(text: string): text is RecordKind {
  return (recordKinds as readonly string[]).includes(text)
}

export interface StoredRecord {
  /** Grows in the order of arrival. */
  id: number
  node_id: string
  received_at: number
  /** JSON text, as the node wrote it: numbers beyond 2^53 are still exact. */
  record: string
}

export interface RecordSource {
  tenant_id: string
  node_id: string
}

export function sourceOf({ tenant_id, id }: { tenant_id: string; id: string }): RecordSource {
  return { tenant_id, node_id: id }
}

/** What one node has sent at once. */
export interface RecordBatch {
  kind: RecordKind
  source: RecordSource
  /** JSON text each. */
  records: readonly string[]
  /** Where the node has the batch in its queue; without it, what is sent twice is stored twice. */
  position?: BatchPosition | undefined
  /** The place of each record in the batch that the position is of, if some of it were refused; ascending. */
  places?: readonly number[] | undefined
}

/** What is new of a batch, once it is on disk. */
export interface ArrivedBatch {
  kind: RecordKind
  source: RecordSource
  received_at: number
  /** Those of further records follow it. */
  firstId: number
  records: readonly string[]
}

/** Of one node, or of all nodes of a tenant; the latter only of violations, which are few. */
export type RecordOwner =
  | { node_id: string; kind: RecordKind }
  | { tenant_id: string; kind: 'violations' }

export type RecordQuery = RecordOwner & {
  /** Only records received at this time or later. */
  sinceMs?: number
  /** Only records with a greater id. */
  after?: number
  limit: number
  /** Stops after the record that exceeds these bytes, but returns at least two. */
  maxBytes?: number
}

/** A record that a search has found. */
export interface FoundRecord extends StoredRecord {
  /** Its timestamp, in milliseconds since 1970: results are in its order, and records of one time in that of their ids. */
  at: number
}

export interface RecordFilter {
  /** By the timestamp of a record, both ends included. */
  sinceMs: number
  untilMs: number
  /** Of logs the unit, of metrics the group, of audit records the type of the event. */
  units?: readonly string[] | undefined
  /** Of logs. */
  severities?: readonly string[] | undefined
  /** What the message of a log record contains, or the JSON of another one, in upper or lower case. */
  grep?: string | undefined
}

export interface RecordSearch extends RecordFilter {
  tenant_id: string
  kind: RecordKind
  /** Without them, all nodes of the tenant. */
  node_ids?: readonly string[] | undefined
  order: 'oldest' | 'newest'
  /** Only what comes behind this record in the order: the last of the page before. */
  after?: Pick<FoundRecord, 'at' | 'id'> | undefined
  limit: number
  /** Ends the search, which then rejects with its reason. */
  signal?: AbortSignal | undefined
}

export interface ArrivalQuery {
  kind: RecordKind
  /** Of the page before; without it, from the oldest record on. */
  after?: string | undefined
  limit: number
}

export interface ArrivalPage {
  records: (StoredRecord & { tenant_id: string })[]
  /** Behind these records. */
  cursor: string
}

/** Storage for telemetry, separate from the state, so that its volume cannot slow down changes. */
export interface TelemetryStore extends AsyncDisposable {
  /**
   * Resolves once every record is on disk. With a position, those that the node has sent before are skipped and counted:
   * a node has one position for each kind, which is written in the transaction of the records, and begins anew with another epoch.
   */
  append(batch: RecordBatch): Promise<{ duplicates: number }>
  /** Of one node, in the order of arrival. */
  list(query: RecordQuery): Promise<StoredRecord[]>
  /** Yields some records at a time, as many in all as the limit says. What it holds in memory is bounded by the limit. */
  search(query: RecordSearch): AsyncIterable<readonly FoundRecord[]>
  /**
   * Of all tenants, in the order of arrival. With the cursor of each page, none is left out; after a crash, or when it lags by hours, one may
   * come twice.
   */
  readAfter(query: ArrivalQuery): Promise<ArrivalPage>
  /** Behind all records that are stored now. */
  cursorNow(): string
  /** Called after the commit, in the order of ids of each kind. It must not throw. Returns how to stop it. */
  onAppend(listener: (batch: ArrivedBatch) => void): () => void
  /**
   * Deletes records received before the time. Above the size limit, deletes the oldest of the node and kind with the
   * most data, so that nobody loses records because of another; audit has its own limit. Returns the number.
   */
  prune(limits: { beforeMs: number; maxBytes: number; maxAuditBytes: number }): Promise<number>
}
