import { matches, parseSelector, type Target } from '@plexd/protocol'
import type { EntryKind } from '../entry-scope.ts'
import type { NodeRecord } from '../fleet.ts'
import { withReported } from './labels.ts'
import { knownNames, selectorHint } from './selector-hint.ts'

type Described = Pick<NodeRecord, 'hostname' | 'labels' | 'reported'>

/** A warning for a target that matches no node: the entry is stored for future nodes. Pure. */
export function targetWarnings(
  { selector: text = '*' }: Target,
  nodes: Iterable<Described>,
  kind: EntryKind,
): string[] {
  if (text.trim() === '*') return []
  const selector = parseSelector(text)
  const seen: Described[] = []
  for (const node of nodes) {
    const sight = kind === 'data' ? withReported(node) : node
    if (matches(selector, sight.labels)) return []
    seen.push(sight)
  }
  const { labels } = knownNames(seen)
  return [
    `selector "${text}": it matches no node${selectorHint(selector, { labels, hostnames: [] })}`,
  ]
}
