import type { RecordKind } from '../packs/kinds.ts'
import type { StoredRecord, TelemetryStore } from '../store.ts'

export interface BacklogOptions {
  kind: RecordKind
  nodeIds: Iterable<string>
  /** Records with ids beyond the first and up to the second. */
  after: number
  upTo: number
  isWanted(record: StoredRecord): boolean
  /** Of all nodes together; as many as that are kept while it reads, and half of it more. */
  maxRecords: number
  signal: AbortSignal
}

export interface Backlog {
  /** In the order of arrival. */
  records: StoredRecord[]
  /** Whether there are more behind them. */
  isCut: boolean
}

/** Records read of a node at once. */
const pageRecords = 1_000

/** What came while a reader was away: the first of it, from the oldest on. */
export async function readBacklog(
  telemetry: Pick<TelemetryStore, 'list'>,
  { kind, nodeIds, after, upTo, isWanted, maxRecords, signal }: BacklogOptions,
): Promise<Backlog> {
  let records: StoredRecord[] = []
  let isCut = false
  let end = upTo

  /** Keeps the first; then nothing behind the last of them is of interest. */
  function cut(): void {
    records.sort((a, b) => a.id - b.id)
    if (records.length <= maxRecords) return
    records = records.slice(0, maxRecords)
    isCut = true
    end = records.at(-1)?.id ?? end
  }

  for (const node_id of nodeIds) {
    for (let last = after; last < end; ) {
      signal.throwIfAborted()
      const page = await telemetry.list({ node_id, kind, after: last, limit: pageRecords })
      records.push(...page.filter((record) => record.id <= end && isWanted(record)))
      if (records.length > maxRecords * 1.5) cut()
      last = page.length < pageRecords ? end : (page.at(-1)?.id ?? end)
    }
  }
  cut()
  return { records, isCut }
}
