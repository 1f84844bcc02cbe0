import { type Metadata, reportedPrefix } from '@plexd/protocol'
import type { ScopedEntry } from './entry-scope.ts'
import type { NodeRecord } from './fleet.ts'

/** What a node is told of itself: its labels, then what it reported that no label has. */
export function metadataOf({
  labels,
  reported,
}: Pick<NodeRecord, 'labels' | 'reported'>): Metadata {
  return { ...labels, ...reported, ...labels }
}

/**
 * The node as selectors of data see it, with what it reported among its labels. Those of policies and secrets get the
 * node itself, or it could label itself into them.
 */
export function withReported<N extends Pick<NodeRecord, 'labels' | 'reported'>>(node: N): N {
  const reported = Object.entries(node.reported).map(([key, value]) => [
    reportedPrefix + key,
    value,
  ])
  return { ...node, labels: { ...Object.fromEntries(reported), ...node.labels } }
}

/** As `withReported`, where any of the entries can ask for it. */
export function asDataSees<N extends Pick<NodeRecord, 'labels' | 'reported'>>(
  entries: readonly ScopedEntry[],
  node: N,
): N {
  return entries.some(({ target }) => target.includes(reportedPrefix)) ? withReported(node) : node
}
