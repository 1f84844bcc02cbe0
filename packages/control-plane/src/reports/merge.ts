import type { ReportEntry } from '@plexd/protocol'

/** A report entry with its payload as the node wrote it: JSON text. */
export interface ReportedEntry extends Omit<ReportEntry, 'payload'> {
  payload: string
}

/** `raw` is the JSON text of the payload. */
export function reportedEntry(
  { key, content_type, version, updated_at, written_by }: ReportEntry,
  raw: string | undefined,
): ReportedEntry {
  const entry = { key, content_type, version, updated_at, payload: raw ?? 'null' }
  return written_by === undefined ? entry : { ...entry, written_by }
}

export interface ReportBatch {
  /** In the order they were written; a key may occur more than once. */
  entries: readonly ReportedEntry[]
  /** A key occurs once for each deletion. The order between the two lists is lost. */
  deleted: readonly string[]
}

/** The stored fields of a report entry. */
export type HeldReport = Pick<ReportedEntry, 'version' | 'updated_at'>

export interface ReportMerge {
  put: ReportedEntry[]
  removed: string[]
  /** Outdated entries, with a lower version and an older time than the stored ones. They are ignored. */
  conflicts: { key: string; version: number; held_version: number }[]
}

/**
 * Computes the effect of a batch. Versions restart at 1 after a deletion, so an entry of version 1 is a
 * creation: a key exists in the end if it existed before, or was created, more often than deleted (wire contract 2.11).
 * `wasHeld` tells which keys existed before the batch was first sent: if its answer was lost, that
 * differs from what is stored now.
 */
export function mergeReports(
  held: ReadonlyMap<string, HeldReport>,
  batch: ReportBatch,
  wasHeld: (key: string) => boolean = (key) => held.has(key),
): ReportMerge {
  const merge: ReportMerge = { put: [], removed: [], conflicts: [] }
  const entries = Map.groupBy(batch.entries, ({ key }) => key)
  const deletions = Map.groupBy(batch.deleted, (key) => key)
  for (const key of new Set([...entries.keys(), ...deletions.keys()])) {
    const own = entries.get(key) ?? []
    const last = own.at(-1)
    const now = held.get(key)
    if (!last || !survives(own, deletions.get(key)?.length ?? 0, wasHeld(key))) {
      if (now) merge.removed.push(key)
    } else if (now && isBehind(last, now)) {
      merge.conflicts.push({ key, version: last.version, held_version: now.version })
    } else if (now?.version !== last.version || now.updated_at !== last.updated_at) {
      merge.put.push(last)
    }
  }
  return merge
}

function survives(own: readonly ReportedEntry[], deletions: number, wasHeld: boolean): boolean {
  if (deletions === 0) return true
  const births = own.filter(({ version }) => version === 1).length
  const wasThere = own[0]?.version !== 1 || wasHeld
  return (wasThere ? 1 : 0) + births - deletions >= 1
}

function isBehind(entry: HeldReport, held: HeldReport): boolean {
  return entry.version < held.version && Date.parse(entry.updated_at) < Date.parse(held.updated_at)
}
