import { type Static, Type } from 'typebox'
import { Count, mapOf, NodeId, nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { TriggeredBy } from './execution.ts'

/** One action on many nodes. */

/** Which nodes, what they run, and how many at a time: the same for a run and for a schedule of runs. */
export const RunSpec = Type.Object({
  selector: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1_024,
      description:
        'The nodes are those that it matches when the run is created; or `nodes`, but not both',
    }),
  ),
  nodes: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      minItems: 1,
      description: 'Ids or hostnames, in the order in which they are to begin',
    }),
  ),
  action: Type.String({ minLength: 1, maxLength: 256 }),
  parameters: Type.Optional(mapOf(Type.String())),
  timeout: Type.Optional(
    Type.String({
      description:
        'Go duration, of each node; when absent, what the action declares on each node, or else "30s"',
    }),
  ),
  max_parallel: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'How many nodes run it at a time; 10 when absent',
    }),
  ),
  max_failures: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description:
        'How many nodes may fail while others still begin; one more stops the run. 0 when absent: the first failure stops it',
    }),
  ),
  canary: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description:
        'So many nodes go first; the others wait until all of them have succeeded. 0 when absent',
    }),
  ),
  expires: Type.Optional(
    Type.String({
      description:
        'Go duration, "168h" at most: how long each node may take to accept it. When absent, the timeout and 30 s',
    }),
  ),
  healthy_within: Type.Optional(
    Type.String({
      description:
        'Go duration, "24h" at most: a node has succeeded only when it sends a healthy heartbeat so soon after the action. When absent, the result is enough',
    }),
  ),
  run_expires: Type.Optional(
    Type.String({
      description:
        'Go duration, "720h" at most, after which no further node begins, paused or not; "24h" when absent',
    }),
  ),
})
export type RunSpec = Static<typeof RunSpec>

/** A run in which each node upgrades plexd; what is absent is as in a run, but for the two that say otherwise. */
export const UpgradeSpec = Type.Interface([Type.Omit(RunSpec, ['action', 'parameters'])], {
  version: Type.String({ minLength: 1, maxLength: 64, examples: ['1.6.0'] }),
  allow_downgrade: Type.Optional(
    Type.Boolean({ description: 'Whether nodes that run a newer version are meant too' }),
  ),
  timeout: Type.Optional(
    Type.String({ description: 'Go duration, of each node, trial included; "15m" when absent' }),
  ),
  healthy_within: Type.Optional(
    Type.String({
      description:
        'Go duration, "24h" at most: a node has succeeded only when it sends a healthy heartbeat as the new version so soon after its trial; "5m" when absent',
    }),
  ),
})
export type UpgradeSpec = Static<typeof UpgradeSpec>

/** In the last three nothing goes on any more, on any node. */
export const runStates = ['running', 'paused', 'succeeded', 'failed', 'cancelled'] as const
export const RunState = Type.Enum(runStates)
export type RunState = Static<typeof RunState>

/** `verifying`: the action has succeeded, and the node has yet to show that it is healthy. `skipped`: it does not know the action, or was removed before its turn. `not_started`: the run stopped before its turn. */
export const RunNodeStatus = Type.Enum([
  'waiting',
  'running',
  'cancelling',
  'verifying',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'not_started',
])
export type RunNodeStatus = Static<typeof RunNodeStatus>

/** How many nodes of a run are in which status; `running` includes those that are being cancelled or verified. */
export const RunCounts = Type.Object({
  total: Count,
  waiting: Count,
  running: Count,
  succeeded: Count,
  failed: Count,
  cancelled: Count,
  skipped: Count,
  not_started: Count,
})
export type RunCounts = Static<typeof RunCounts>

export const Run = Type.Object({
  id: Type.String({ examples: ['run_a1b2c3d4'] }),
  action: Type.String(),
  parameters: mapOf(Type.String()),
  timeout: nullable(Type.String(), { description: 'null for what each node declares' }),
  expires: nullable(Type.String()),
  healthy_within: nullable(Type.String()),
  selector: nullable(Type.String(), {
    description: 'As it was asked for; null for a list of nodes',
  }),
  max_parallel: Count,
  max_failures: Count,
  canary: Count,
  state: RunState,
  reason: Type.String({
    description: 'Why no further node begins, or how it ended; empty if there is nothing to say',
  }),
  counts: RunCounts,
  retry_of: nullable(Type.String(), { description: 'The run whose failed nodes these are' }),
  schedule: nullable(Type.String(), { description: 'The name of the schedule that started it' }),
  triggered_by: TriggeredBy,
  created_at: Timestamp,
  run_expires_at: Timestamp,
  ended_at: nullable(Timestamp),
})
export type Run = Static<typeof Run>

export const RunNode = Type.Object({
  node_id: NodeId,
  node_hostname: Type.String({ description: 'The last that it had, if it was removed' }),
  status: RunNodeStatus,
  reason: Type.String(),
  execution_id: nullable(Type.String()),
  exit_code: nullable(WholeNumber),
  started_at: nullable(Timestamp),
  ended_at: nullable(Timestamp),
})
export type RunNode = Static<typeof RunNode>

/** Whether nothing of a run goes on any more. */
export function hasRunEnded({ state }: Pick<Run, 'state'>): boolean {
  return state !== 'running' && state !== 'paused'
}
