import { type Metadata, reportedPrefix } from '@plexd/protocol'
import type { ScopedEntry } from '../entry-scope.ts'
import type { NodeRecord } from '../fleet.ts'

/** The metadata sent to a node: its labels, then reported keys that are not labels. */
export function metadataOf({
  labels,
  reported,
}: Pick<NodeRecord, 'labels' | 'reported'>): Metadata {
  return { ...labels, ...reported, ...labels }
}

/**
 * The node as data selectors see it, with reported metadata among its labels. Selectors of policies and secrets get the
 * plain node; otherwise a node could label itself into them.
 */
export function withReported<N extends Pick<NodeRecord, 'labels' | 'reported'>>(node: N): N {
  const reported = Object.entries(node.reported).map(([key, value]) => [
    reportedPrefix + key,
    value,
  ])
  return { ...node, labels: { ...Object.fromEntries(reported), ...node.labels } }
}

/** Like `withReported`, but only if any of the entries selects by reported metadata. */
export function asDataSees<N extends Pick<NodeRecord, 'labels' | 'reported'>>(
  entries: readonly ScopedEntry[],
  node: N,
): N {
  return entries.some(({ target }) => target.includes(reportedPrefix)) ? withReported(node) : node
}
