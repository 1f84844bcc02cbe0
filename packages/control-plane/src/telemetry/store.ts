/** What nodes tell of themselves, beside their desired state: drift and violations are kept with the three batches. */
export const recordKinds = ['metrics', 'logs', 'audit', 'drift', 'violations'] as const
export type RecordKind = (typeof recordKinds)[number]

export function isRecordKind(text: string): text is RecordKind {
  return (recordKinds as readonly string[]).includes(text)
}

export interface StoredRecord {
  /** Grows in the order of arrival. */
  id: number
  received_at: number
  /** JSON text, as the node wrote it: numbers beyond 2^53 are still exact. */
  record: string
}

export interface RecordSource {
  tenant_id: string
  node_id: string
}

export interface RecordQuery {
  node_id: string
  kind: RecordKind
  /** Only what was received at this time or later. */
  sinceMs?: number
  /** Only what has a greater id. */
  after?: number
  limit: number
  /** No more than one record beyond these bytes, and two at least. */
  maxBytes?: number
}

/** Where telemetry is kept: apart from the state, so that its bulk cannot slow a change down. */
export interface TelemetryStore extends AsyncDisposable {
  /** Resolves once every record, JSON text each, is on the disk. */
  append(kind: RecordKind, source: RecordSource, records: readonly string[]): Promise<void>
  /** In the order of arrival. */
  list(query: RecordQuery): Promise<StoredRecord[]>
  /**
   * Removes what was received before the time. While there is too much, the oldest of that node and kind of which there
   * is most, so that nobody's records go for what another sends; audit is counted apart. Returns how many.
   */
  prune(limits: { beforeMs: number; maxBytes: number; maxAuditBytes: number }): Promise<number>
}
