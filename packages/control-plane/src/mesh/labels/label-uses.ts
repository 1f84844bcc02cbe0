import {
  type LabelUse,
  type Metadata,
  matches,
  parseSelector,
  reportedPrefix,
  type Selector,
} from '@plexd/protocol'
import type { NodeRecord } from '../fleet.ts'
import { withReported } from './labels.ts'

/** A place where a selector is used. */
export interface SelectorUse extends Omit<LabelUse, 'nodes'> {
  parsed: Selector
}

type Described = Pick<NodeRecord, 'labels' | 'reported'>

/** The use with its selector parsed, as a list; empty if the selector is invalid, `*` or an id. */
export function selectorUse(use: Omit<LabelUse, 'nodes'>): SelectorUse[] {
  try {
    return [{ ...use, parsed: parseSelector(use.selector) }]
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
  }
}

/** The uses whose matching nodes change if a label of these nodes becomes reported metadata, deny rules first. Pure. */
export function usesThatChange(
  key: string,
  nodes: readonly Described[],
  uses: readonly SelectorUse[],
): LabelUse[] {
  const asking = uses.filter(({ parsed }) => asksFor(parsed, key))
  if (asking.length === 0) return []
  const dropped = nodes.map((node) => [node, reportedOnly(key, node)] as const)
  return asking
    .map(({ parsed, ...use }) => {
      const sees = (node: Described): Metadata =>
        use.kind === 'data' ? withReported(node).labels : node.labels
      const changed = dropped.filter(
        ([before, after]) => matches(parsed, sees(before)) !== matches(parsed, sees(after)),
      )
      return { ...use, nodes: changed.length }
    })
    .filter(({ nodes }) => nodes > 0)
    .sort((a, b) => weightOf(a) - weightOf(b))
}

/** A node after one of its labels has become reported metadata. */
function reportedOnly<N extends Described>(key: string, node: N): N {
  if (!Object.hasOwn(node.labels, key)) return node
  const entries = Object.entries(node.labels)
  const isMeant = ([name]: [string, string]): boolean => name === key
  return {
    ...node,
    labels: Object.fromEntries(entries.filter((entry) => !isMeant(entry))),
    reported: { ...node.reported, ...Object.fromEntries(entries.filter(isMeant)) },
  }
}

function asksFor(selector: Selector, key: string): boolean {
  return selector.some((asked) => asked.key === key || asked.key === reportedPrefix + key)
}

function weightOf({ kind, action }: LabelUse): number {
  if (action === 'deny') return 0
  return { policy: 1, secret: 2, data: 3 }[kind]
}
