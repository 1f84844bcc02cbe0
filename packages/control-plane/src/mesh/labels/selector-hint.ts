import { nearest, type Requirement, type Selector } from '@plexd/protocol'
import type { MeshNode } from '../rule-side.ts'

/** The existing labels and names, for suggesting what was meant. */
export interface KnownNames {
  labels: ReadonlyMap<string, ReadonlySet<string>>
  /** In the form that rules use: `node:web-01`. */
  hostnames: readonly string[]
}

export function knownNames(nodes: Iterable<Pick<MeshNode, 'labels' | 'hostname'>>): KnownNames {
  const labels = new Map<string, Set<string>>()
  const hostnames: string[] = []
  for (const { labels: own, hostname } of nodes) {
    hostnames.push(`node:${hostname}`)
    for (const [key, value] of Object.entries(own))
      labels.getOrInsertComputed(key, () => new Set()).add(value)
  }
  return { labels, hostnames }
}

/** A hint why a selector may match no node: `: no node has the label "rloe": did you mean "role"?`, or empty. */
export function selectorHint(selector: Selector, known: KnownNames): string {
  for (const requirement of selector) {
    const hint = hintOf(requirement, known)
    if (hint !== undefined) return `: ${hint}`
  }
  return ''
}

function hintOf(requirement: Requirement, { labels, hostnames }: KnownNames): string | undefined {
  const { key, operator } = requirement
  if (operator === 'absent' || operator === 'notin') return undefined
  const values = labels.get(key)
  if (!values) {
    const meant = nearest(key, labels.keys()) ?? nearest(`node:${key}`, hostnames)
    return `no node has the label "${key}"${didYouMean(meant)}`
  }
  const asked = 'values' in requirement ? requirement.values : [...values]
  if (asked.some((value) => values.has(value))) return undefined
  const [first = ''] = asked
  return `no node has "${key}=${first}"${didYouMean(nearest(first, values))}`
}

export function didYouMean(text: string | undefined): string {
  return text === undefined ? '' : `: did you mean "${text}"?`
}
