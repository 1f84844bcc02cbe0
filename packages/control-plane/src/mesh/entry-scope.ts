import { matches, parseSelector } from '@plexd/protocol'
import type { NodeRecord } from './fleet.ts'

/** What selectors may match: a secret depends on the operators' labels only, never on what its reader reports. */
export type EntryKind = 'data' | 'secret'

/** The fields of a data entry or a secret that decide which nodes it applies to. */
export interface ScopedEntry {
  readonly key: string
  /** `node:<id>` or `selector:<text>`. */
  readonly target: string
  readonly version: number
}

/** The targets that may apply to a node, apart from selectors. */
export function nodeTarget(nodeId: string): string {
  return `node:${nodeId}`
}

export function selectorTarget(selector: string): string {
  return `selector:${selector}`
}

/**
 * A node's effective entries, one per key, sorted by key. An entry for the node itself takes precedence over those with
 * selectors; among these, the one written last.
 */
export function entriesOf<E extends ScopedEntry>(
  entries: Iterable<E>,
  node: Pick<NodeRecord, 'id' | 'labels'>,
): E[] {
  const chosen = new Map<string, E>()
  for (const entry of entries) {
    if (!isFor(entry.target, node)) continue
    const other = chosen.get(entry.key)
    if (!other || beats(entry, other, node.id)) chosen.set(entry.key, entry)
  }
  return [...chosen.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Whether a target matches the node. */
export function isFor(target: string, node: Pick<NodeRecord, 'id' | 'labels'>): boolean {
  if (target === nodeTarget(node.id)) return true
  const [, text] = /^selector:(.*)$/s.exec(target) ?? []
  if (text === undefined) return false
  return text === '*' || matches(parseSelector(text), node.labels)
}

function beats(entry: ScopedEntry, other: ScopedEntry, nodeId: string): boolean {
  const own = nodeTarget(nodeId)
  if (entry.target === own || other.target === own) return entry.target === own
  return entry.version > other.version
}
