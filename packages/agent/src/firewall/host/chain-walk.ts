/** The verdict on a packet in a chain of another program, as far as that can be known. */
import type { Chain, Expression } from './nft-json.ts'
import { compare, type Match, matchAll, names, type Probe } from './packet-match.ts'

export interface Walk {
  /** `drop` only if that is certain. */
  verdict: 'accept' | 'drop'
  /** Whether a rule on the way exempts it from connection tracking. */
  isUntracked: boolean
}

/** Of a base chain; `chains` are all. */
export function walkChain(base: Chain, chains: readonly Chain[], probe: Probe): Walk {
  const walk = { isUntracked: false }
  const end = walkFrom(base, { isCertain: true, mayHaveLeft: false, isNamed: false, depth: 0 })
  const verdict = end ?? (base.policy === 'drop' ? 'drop' : 'accept')
  return { verdict, ...walk }

  function walkFrom(chain: Chain, from: Way): Walk['verdict'] | undefined {
    let way = from
    for (const rule of chain.rules) {
      const match = matchAll(rule, probe)
      if (match === 'no') continue
      if (rule.some((part) => 'notrack' in part)) walk.isUntracked = true
      for (const branch of branchesOf(rule, match, probe)) {
        const end = decide(chain, branch, {
          ...way,
          isCertain: way.isCertain && branch.match === 'yes',
          isNamed: way.isNamed || names(rule, probe) || branch.isNamed,
          depth: way.depth + 1,
        })
        if (end !== undefined) return end
        if (branch.isFinal && branch.match === 'yes') return undefined
        // The next rules may not see it, as in ufw's chain for packets that are not for this machine.
        const mayLeave = branch.isFinal && ['jump', 'return'].includes(branch.verdict ?? '')
        if (mayLeave) way = { ...way, mayHaveLeft: true }
      }
    }
    return undefined
  }

  function decide(
    chain: Chain,
    { verdict, target }: Branch,
    way: Way,
  ): Walk['verdict'] | undefined {
    // A rule that matches only perhaps does not count, unless it accepts and names our interface or port.
    if (verdict === 'accept') return way.isCertain || way.isNamed ? 'accept' : undefined
    if (verdict === 'drop') return way.isCertain && !way.mayHaveLeft ? 'drop' : undefined
    if (target === undefined || way.depth >= 16) return undefined
    const next = chains.find(
      ({ family, table, name }) =>
        family === chain.family && table === chain.table && name === target,
    )
    return next && walkFrom(next, way)
  }
}

interface Way {
  /** Whether the packet certainly gets here, unless it has left the chain before. */
  isCertain: boolean
  /** Whether it may have left. */
  mayHaveLeft: boolean
  /** Whether a rule on the way named the packet's interface or port. */
  isNamed: boolean
  depth: number
}

interface Branch {
  match: Match
  verdict: 'accept' | 'drop' | 'return' | 'jump' | undefined
  /** Of a jump. */
  target?: string
  /** Whether the next rule is not evaluated. */
  isFinal: boolean
  isNamed: boolean
}

/** The verdict of a rule, or those of its verdict map. */
function branchesOf(rule: readonly Expression[], match: Match, probe: Probe): Branch[] {
  return rule.flatMap((part) => {
    const map = 'vmap' in part ? part.vmap : undefined
    if (map !== undefined) return mapBranches(map, match, probe)
    const verdict = readVerdict(part)
    return verdict ? [{ ...verdict, match, isNamed: false }] : []
  })
}

function mapBranches(map: unknown, match: Match, probe: Probe): Branch[] {
  const { key, data } = map as { key?: unknown; data?: { set?: unknown } } // as nft writes it; otherwise nothing is found
  const elements: unknown[] = Array.isArray(data?.set) ? data.set : []
  return elements.flatMap((element) => {
    if (!Array.isArray(element)) return []
    const [value, action] = element
    const verdict = readVerdict(action)
    const fits = compare(key, value, probe)
    if (!verdict || fits === 'no') return []
    const both = match === 'yes' ? fits : 'maybe'
    return [{ ...verdict, match: both, isNamed: fits === 'yes' }]
  })
}

function readVerdict(part: Expression): Pick<Branch, 'verdict' | 'target' | 'isFinal'> | undefined {
  if ('accept' in part) return { verdict: 'accept', isFinal: true }
  if ('drop' in part || 'reject' in part) return { verdict: 'drop', isFinal: true }
  if ('return' in part) return { verdict: 'return', isFinal: true }
  for (const way of ['jump', 'goto'] as const)
    if (way in part) {
      const { target } = part[way] as { target: string } // as nft writes it
      return { verdict: 'jump', target, isFinal: way === 'goto' }
    }
  return undefined
}
