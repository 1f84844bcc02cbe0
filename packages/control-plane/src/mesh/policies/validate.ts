import {
  checkSelector,
  hostnameKey,
  type PolicyRule,
  type PolicySpec,
  parseSide,
  type Side,
} from '@plexd/protocol'
import { sideHas } from '../rule-side.ts'
import type { TenantMesh } from '../tenant-mesh.ts'

/** A fault in a rule, for its author. `rule` counts from 0. */
export interface PolicyProblem {
  rule: number
  field: keyof PolicyRule
  value: string
  problem: string
}

/** All faults of a well-formed policy; an empty list if it is valid. */
export function validatePolicy({ rules }: PolicySpec, mesh: MeshSight): PolicyProblem[] {
  const known = new Map<string, string | undefined>()
  const problemOf = (text: string): string | undefined =>
    known.getOrInsertComputed(text, () => problemOfSide(text, mesh))
  return rules.flatMap((rule, index) => problemsOf(rule, index, problemOf))
}

type MeshSight = Pick<TenantMesh, 'ranges' | 'nodes'>

/** One line with the first fault and the number of others. */
export function describeProblems(problems: readonly PolicyProblem[]): string {
  const [first] = problems
  if (!first) return ''
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return `rule ${first.rule}: ${first.field} "${first.value}": ${first.problem}${more}`
}

function problemsOf(
  rule: PolicyRule,
  index: number,
  problemOf: (side: string) => string | undefined,
): PolicyProblem[] {
  const sides = (['from', 'to'] as const).flatMap((field) => {
    const problem = problemOf(rule[field])
    return problem === undefined ? [] : [{ rule: index, field, value: rule[field], problem }]
  })
  return [...sides, ...problemsOfPort(rule, index)]
}

function problemOfSide(text: string, { ranges, nodes }: MeshSight): string | undefined {
  try {
    const side = parseSide(text, ranges)
    if (side.kind === 'selector') checkSelector(side.selector, { reported: false })
    return namesNode(side, nodes)
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

/** A bare hostname is a valid selector for a label of that name, but no node has such a label. */
function namesNode(side: Side, nodes: MeshSight['nodes']): string | undefined {
  if (side.kind !== 'selector') return undefined
  const [{ key, operator } = { key: '', operator: '' }, ...more] = side.selector
  if (operator !== 'exists' || more.length > 0) return undefined
  let isName = false
  for (const node of nodes) {
    if (sideHas(side, node)) return undefined
    isName ||= sideHas({ kind: 'hostname', hostname: hostnameKey(key) }, node)
  }
  return isName ? `it is no label of any node: did you mean "node:${key}"?` : undefined
}

function problemsOfPort({ port, protocol }: PolicyRule, index: number): PolicyProblem[] {
  if (port === undefined || protocol !== 'icmp') return []
  return [{ rule: index, field: 'port', value: String(port), problem: 'icmp has no ports' }]
}
