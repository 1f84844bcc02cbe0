import { type Cidr, checkSelector, type PolicyRule, type PolicySpec } from '@plexd/protocol'
import { parseSide } from './rule-side.ts'

/** What is wrong with a rule, for the person who wrote it. `rule` counts from 0. */
export interface PolicyProblem {
  rule: number
  field: keyof PolicyRule
  value: string
  problem: string
}

/** Everything wrong with a policy whose shape is right; an empty list when it may be put. */
export function validatePolicy({ rules }: PolicySpec, range: Cidr): PolicyProblem[] {
  return rules.flatMap((rule, index) => problemsOf(rule, index, range))
}

/** One line with the first problem and how many more there are. */
export function describeProblems(problems: readonly PolicyProblem[]): string {
  const [first] = problems
  if (!first) return ''
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return `rule ${first.rule}: ${first.field} "${first.value}": ${first.problem}${more}`
}

function problemsOf(rule: PolicyRule, index: number, range: Cidr): PolicyProblem[] {
  const sides = (['from', 'to'] as const).flatMap((field) => {
    const problem = problemOfSide(rule[field], range)
    return problem === undefined ? [] : [{ rule: index, field, value: rule[field], problem }]
  })
  return [...sides, ...problemsOfPort(rule, index)]
}

function problemOfSide(text: string, range: Cidr): string | undefined {
  try {
    const side = parseSide(text, range)
    if (side.kind === 'selector') checkSelector(side.selector, { reported: false })
    return undefined
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

function problemsOfPort({ port, protocol }: PolicyRule, index: number): PolicyProblem[] {
  if (port === undefined || protocol !== 'icmp') return []
  return [{ rule: index, field: 'port', value: String(port), problem: 'icmp has no ports' }]
}
