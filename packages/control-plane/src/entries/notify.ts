import type { Unit } from '../change.ts'
import { type EntryKind, entriesOf, isFor, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { asDataSees } from '../mesh/labels/labels.ts'
import { entryKinds } from './kinds.ts'

/** A change of one entry, with the other entries of its key. */
export interface EntryChange {
  tenant_id: string
  target: string
  /** All entries of the key, before and after. */
  before: readonly ScopedEntry[]
  after: readonly ScopedEntry[]
}

/** Notifies the nodes whose effective entry changes, and only those. */
export function notifyEntryChange(unit: Unit, kind: EntryKind, change: EntryChange): void {
  const all = unit.fleet.nodes(change.tenant_id)
  const entriesOfKey = [...change.before, ...change.after]
  const seen = kind === 'data' ? Array.from(all, (node) => asDataSees(entriesOfKey, node)) : all
  unit.emit({ type: entryKinds[kind].event, to: affectedNodes(seen, change), payload: {} })
}

/** The nodes affected by a changed entry: those it targets, unless another entry takes precedence before and after. */
export function affectedNodes<N extends Pick<NodeRecord, 'id' | 'labels'>>(
  nodes: Iterable<N>,
  { target, before, after }: Omit<EntryChange, 'tenant_id'>,
): N[] {
  return [...nodes].filter(
    (node) => isFor(target, node) && identityOf(before, node) !== identityOf(after, node),
  )
}

function identityOf(entries: readonly ScopedEntry[], node: Pick<NodeRecord, 'id' | 'labels'>) {
  const [entry] = entriesOf(entries, node)
  return entry && `${entry.version} ${entry.target}`
}
