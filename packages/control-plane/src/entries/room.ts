import type { Limits } from '../limits.ts'
import { type EntryKind, entriesOf, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { asDataSees } from '../mesh/labels/labels.ts'
import { entryKinds } from './kinds.ts'

/** The limits of one node's data, or secrets. */
export interface Room {
  entries: number
  bytes: number
}

export interface SizedEntry extends ScopedEntry {
  /** Limits the bytes that the node stores. */
  readonly bytes: number
}

/**
 * Splits entries, in key order, into those within the limit and those beyond it: a label change or a new
 * node may combine more entries than any single write could. Pure.
 */
export function fitting<E extends SizedEntry>(
  entries: readonly E[],
  room: Room,
): { kept: E[]; leftOut: E[] } {
  const kept: E[] = []
  const leftOut: E[] = []
  let bytes = 0
  for (const entry of entries) {
    const fits = kept.length < room.entries && bytes + entry.bytes <= room.bytes
    if (fits) bytes += entry.bytes
    if (fits) kept.push(entry)
    else leftOut.push(entry)
  }
  return { kept, leftOut }
}

/**
 * The first node that a write takes over its limit and above its previous size. Pure. Nodes with the same
 * labels and without entries of their own are checked once.
 */
export function firstOverfull<N extends Pick<NodeRecord, 'id' | 'labels' | 'reported'>>(
  nodes: Iterable<N>,
  { before, after }: { before: readonly SizedEntry[]; after: readonly SizedEntry[] },
  room: Room,
): { node: N; taken: Room } | undefined {
  if (isWithin(sizeOf(after), room)) return undefined
  const seen = new Set<string>()
  for (const node of nodes) {
    const seenAs = asDataSees(after, node)
    const hasOwn = after.some(({ target }) => target === `node:${node.id}`)
    const alike = hasOwn ? node.id : JSON.stringify(seenAs.labels)
    if (seen.has(alike)) continue
    seen.add(alike)
    const taken = sizeOf(entriesOf(after, seenAs))
    if (isWithin(taken, room)) continue
    const had = sizeOf(entriesOf(before, seenAs))
    if (taken.bytes > had.bytes || taken.entries > had.entries) return { node, taken }
  }
  return undefined
}

export function isWithin(taken: Room, room: Room): boolean {
  return taken.entries <= room.entries && taken.bytes <= room.bytes
}

function sizeOf(entries: readonly SizedEntry[]): Room {
  return { entries: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** The limits that apply to one node. */
export function roomFor(kind: EntryKind, limits: Limits): Room {
  return {
    entries: limits[entryKinds[kind].limit],
    bytes: kind === 'data' ? limits.node_data_bytes : Number.POSITIVE_INFINITY,
  }
}
