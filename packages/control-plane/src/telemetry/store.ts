import type { BatchPosition } from '@plexd/protocol'
import type { RecordKind } from './packs/kinds.ts'
import type { ArrivedFacts, RecordFilter } from './packs/matcher.ts'
import type { Pack } from './packs/pack.ts'

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

/** What one node has sent at once: as JSON texts, or packed already. */
export type RecordBatch = {
  kind: RecordKind
  source: RecordSource
  /** Where the node has the batch in its queue; without it, what is sent twice is stored twice. */
  position?: BatchPosition | undefined
} & ({ records: readonly string[] } | { packs: readonly Pack[] })

/** What is new of a batch, or of a part of a large one, once it is on disk. */
export interface ArrivedBatch {
  kind: RecordKind
  source: RecordSource
  received_at: number
  /** Those of further records follow it. */
  firstId: number
  /** Unpacked when it is first asked for. */
  readonly records: readonly string[]
  /** Of each record; read once for all who want to know. */
  readonly facts: readonly ArrivedFacts[]
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
  /** Stops after the record that exceeds these bytes. */
  maxBytes?: number | undefined
}

export interface ArrivalPage {
  records: (StoredRecord & { tenant_id: string })[]
  /** Those that are kept no longer, between the cursor that was asked for and that of the page. */
  removed: number
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
   * Of all tenants, in the order of arrival. With the cursor of each page, none is left out, but what was removed meanwhile.
   */
  readAfter(query: ArrivalQuery): Promise<ArrivalPage>
  /** Behind all records of the kind that are stored now. */
  cursorNow(kind: RecordKind): Promise<string>
  /**
   * Called after the commit, in the order of ids of each kind, for what this process has appended. It must not throw. Returns how to stop
   * it.
   */
  onAppend(listener: (batch: ArrivedBatch) => void): () => void
  /**
   * Deletes records received before the time. Past a limit, the oldest of the node and kind with most go, so that nobody
   * loses records because of another; audit has the same limits for itself. Returns the number.
   */
  prune(limits: Retention): Promise<number>
}

export interface Retention {
  beforeMs: number
  /** On disk, of all tenants together. */
  maxBytes: number
  maxAuditBytes: number
  /** The same of each tenant. */
  maxTenantBytes: number
}
