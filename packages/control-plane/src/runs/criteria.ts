import { formatDuration, type HeartbeatRequest } from '@plexd/protocol'
import type { Criterion } from '../rows/executions/runs.ts'

/** What was heard of a node. */
export interface Sight {
  /** The last heartbeat since our start, and when it came, in milliseconds since 1970. */
  heartbeat: HeartbeatRequest | null
  heardMs: number | null
  isRemoved: boolean
}

/** How a node of a run has ended. */
export interface Verdict {
  status: 'succeeded' | 'failed' | 'cancelled'
  reason: string
}

interface Rule {
  /** What is waited for, in words. */
  wants: string
  isMet(heartbeat: HeartbeatRequest): boolean
}

/** A further criterion is a type in `rows/executions/runs.ts` and a case here. */
function ruleOf(criterion: Criterion): Rule {
  switch (criterion.type) {
    case 'healthy':
      return { wants: 'healthy heartbeat', isMet: ({ status }) => status === 'healthy' }
    case 'version':
      return {
        wants: `healthy heartbeat of plexd ${criterion.version}`,
        isMet: ({ status, version }) => status === 'healthy' && version === criterion.version,
      }
  }
}

/**
 * Whether a node has shown what it has to since its execution succeeded, or can no longer; undefined while it still may. What it said
 * before says nothing. Pure.
 */
export function verdictOf(
  criterion: Criterion,
  { heartbeat, heardMs, isRemoved }: Sight,
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
): Verdict | undefined {
  if (isRemoved) return { status: 'failed', reason: 'the node was removed' }
  const { withinMs } = criterion
  const { wants, isMet } = ruleOf(criterion)
  const isNew = heartbeat !== null && heardMs !== null && heardMs > sinceMs
  if (isNew && isMet(heartbeat)) return { status: 'succeeded', reason: '' }
  if (nowMs < sinceMs + withinMs) return undefined
  const said = isNew ? `: the last one said ${lastWords(heartbeat)}` : ''
  const problems = isNew ? (heartbeat.problems ?? []).map((problem) => `: ${problem}`).join('') : ''
  return {
    status: 'failed',
    reason: `it ran, and no ${wants} came within ${formatDuration(withinMs)}${said}${problems}`,
  }
}

/** `"healthy"`, and the version of a node that says one. */
function lastWords({ status = '', version }: HeartbeatRequest): string {
  return `"${status}"${version === undefined ? '' : `, of plexd ${version}`}`
}

/** Of a node whose execution succeeded, and that nobody waits for any more. */
export function verdictOfCancelled(criterion: Criterion): Verdict {
  const { wants } = ruleOf(criterion)
  return {
    status: 'cancelled',
    reason: `it ran, and the run was cancelled before a ${wants} came`,
  }
}

/** Of a run that was given a time in which its nodes have to be healthy. */
export function criterionOf(healthyWithinMs: number | undefined): Criterion | null {
  return healthyWithinMs === undefined ? null : { type: 'healthy', withinMs: healthyWithinMs }
}
