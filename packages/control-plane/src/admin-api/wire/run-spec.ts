import { ApiError, type RunSpec } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { refuseLongParameters } from '../../executions/request.ts'
import type { Limits } from '../../limits.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { checkSelectorText, type RunTarget } from '../../runs/choose-nodes.ts'
import type { NewRun } from '../../runs/create-run.ts'
import { criterionOf } from '../../runs/criteria.ts'
import { readDuration } from './durations.ts'
import { findNode } from './find-node.ts'

/** What is run, and how, without the nodes. */
export type RunOptions = Pick<
  NewRun,
  | 'action'
  | 'parameters'
  | 'timeoutMs'
  | 'maxParallel'
  | 'maxFailures'
  | 'canary'
  | 'expiresMs'
  | 'criterion'
  | 'runExpiresMs'
>

/** Throws an ApiError (400). */
export function readRunOptions(body: RunSpec, limits: Limits): RunOptions {
  const parameters = body.parameters ?? {}
  refuseLongParameters(parameters, limits)
  return {
    action: body.action,
    parameters,
    timeoutMs: optional(body.timeout, { field: 'timeout', max: '24h' }),
    maxParallel: body.max_parallel ?? 10,
    maxFailures: body.max_failures ?? 0,
    canary: body.canary ?? 0,
    expiresMs: optional(body.expires, { field: 'expires', max: '168h' }),
    criterion: criterionOf(optional(body.healthy_within, { field: 'healthy_within', max: '24h' })),
    runExpiresMs: readDuration(body.run_expires ?? '24h', {
      field: 'run_expires',
      min: '1s',
      max: '720h',
    }),
  }
}

function optional(
  text: string | undefined,
  { field, max }: { field: string; max: string },
): number | undefined {
  return text === undefined ? undefined : readDuration(text, { field, min: '1s', max })
}

/** The selector, or the ids of the nodes that are named. Throws an ApiError: 400, or 404 for a name that no node has. */
export function readRunTarget(
  { fleet }: Pick<State, 'fleet'>,
  operator: OperatorRecord,
  { selector, nodes }: Pick<RunSpec, 'selector' | 'nodes'>,
): RunTarget {
  if ((selector === undefined) === (nodes === undefined))
    throw new ApiError('bad_request', 'want either selector or nodes')
  if (nodes !== undefined)
    return { nodeIds: nodes.map((name) => findNode(fleet, operator, name).id) }
  const text = (selector ?? '').trim()
  checkSelectorText(text)
  return { selector: text }
}
