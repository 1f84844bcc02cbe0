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

/** Storage for telemetry, separate from the state, so that its volume cannot slow down changes. */
export interface TelemetryStore extends AsyncDisposable {
  /** Resolves once every record, JSON text each, is on disk. */
  append(kind: RecordKind, source: RecordSource, records: readonly string[]): Promise<void>
  /** In the order of arrival. */
  list(query: RecordQuery): Promise<StoredRecord[]>
  /**
   * Deletes records received before the time. Above the size limit, deletes the oldest of the node and kind with the
   * most data, so that nobody loses records because of another; audit has its own limit. Returns the number.
   */
  prune(limits: { beforeMs: number; maxBytes: number; maxAuditBytes: number }): Promise<number>
}
