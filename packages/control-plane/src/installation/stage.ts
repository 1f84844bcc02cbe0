/**
 * How the authority that signs our certificate is replaced: a next one is prepared and told to all nodes, it is activated when
 * they trust it, and the previous one is retired when nothing names it any more. Pure.
 */
import { ApiError } from '@plexd/protocol'

/** `settled`: there is one authority. `prepared`: nodes are told of the next one. `activated`: it signs, and the previous one is trusted still. */
export type Stage = 'settled' | 'prepared' | 'activated'
export type Step = 'prepare' | 'activate' | 'retire'

export function stageOf(authorities: readonly { state: string }[]): Stage {
  const has = (state: string): boolean => authorities.some((one) => one.state === state)
  if (has('previous')) return 'activated'
  return has('next') ? 'prepared' : 'settled'
}

/** What stands against a step, in words of an operator. */
export interface Obstacles {
  /** Nodes that do not trust the next authority yet. */
  behind: readonly { hostname: string; reason: string }[]
  /** Tokens whose join strings may name the previous one. */
  joins: readonly { id: string; expires_at: string }[]
  /** How many of both are of tenants that the operator does not see. */
  elsewhere: { behind: number; joins: number }
  /** Whether an authority was ever retired. */
  hasRetired: boolean
  force: boolean
}

/** Whether the step has to be done; it may have been already. Throws an ApiError (409) if it is not its turn, or something stands against it. */
export function mustDo(step: Step, stage: Stage, obstacles: Obstacles): boolean {
  if (isDone[step](stage, obstacles)) return false
  if (stage !== before[step]) throw new ApiError('conflict', `${step} authority: ${wrong[stage]}`)
  const why = obstacles.force ? undefined : against(step, obstacles)
  if (why !== undefined) throw new ApiError('conflict', `${step} authority: ${why}`)
  return true
}

const before = { prepare: 'settled', activate: 'prepared', retire: 'activated' } as const

const isDone: Record<Step, (stage: Stage, obstacles: Obstacles) => boolean> = {
  prepare: (stage) => stage === 'prepared',
  activate: (stage) => stage === 'activated',
  retire: (stage, { hasRetired }) => stage === 'settled' && hasRetired,
}

const wrong: Record<Stage, string> = {
  settled: 'there is one authority only: make the next one with "plexctl authority prepare"',
  prepared:
    'the next one does not sign yet: let it with "plexctl authority activate" when nodes trust it',
  activated: 'the previous one is trusted still: end that with "plexctl authority retire"',
}

function against(step: Step, { behind, joins, elsewhere }: Obstacles): string | undefined {
  const nodes = behind.length + elsewhere.behind
  const tokens = joins.length + elsewhere.joins
  if (step === 'activate' && nodes > 0)
    return `${countOf(nodes, 'node does', 'nodes do')} not trust the next one yet, and would have to find out by themselves: ${some(
      behind.map(({ hostname, reason }) => `"${hostname}" (${reason})`),
      elsewhere.behind,
    )}: wait, look again with "plexctl authority status", or leave them behind with --force`
  if (step === 'retire' && tokens > 0)
    return `${countOf(tokens, 'token', 'tokens')} from before it was replaced may be in a join string that names it: ${some(
      joins.map(({ id, expires_at }) => `${id} (until ${expires_at})`),
      elsewhere.joins,
    )}: wait, revoke them with "plexctl token revoke ID", or end them with --force`
  return undefined
}

const maxNamed = 10

function some(words: readonly string[], elsewhere: number): string {
  const more = words.length - maxNamed
  const rest = [
    ...(more > 0 ? [`${more} more`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} of other tenants`] : []),
  ]
  const named = words.slice(0, maxNamed).join(', ')
  return [...(named === '' ? [] : [named]), ...rest].join(', and ')
}

const countOf = (count: number, one: string, many: string): string =>
  `${count} ${count === 1 ? one : many}`
