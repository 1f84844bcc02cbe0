import { ApiError, formatDuration, newId, type TriggeredBy } from '@plexd/protocol'
import type { Change, Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import type { Limits } from '../limits.ts'
import type { ChangeWatch } from '../log/watch.ts'
import { insertRunNodes, type NewRunNode } from '../rows/executions/run-nodes.ts'
import {
  type Criterion,
  changeRun,
  countOpenRuns,
  deleteHalfWritten,
  insertRun,
  type StoredRun,
} from '../rows/executions/runs.ts'
import type { Store } from '../store/db.ts'
import { advanceRun } from './advance.ts'

/** What is run, on which nodes, for whom. */
export interface NewRun {
  tenantId: string
  /** For the record only: the nodes are chosen. */
  selector: string | null
  nodes: readonly NewRunNode[]
  action: string
  parameters: Record<string, string>
  /** Of each node; if undefined, what it declares of the action. */
  timeoutMs?: number | undefined
  maxParallel: number
  maxFailures: number
  canary: number
  /** How long each node may take to accept it; as `requestExecution` has it if undefined. */
  expiresMs?: number | undefined
  criterion: Criterion | null
  /** After this no further node begins. */
  runExpiresMs: number
  retryOf?: string
  schedule?: { id: string; name: string }
  triggeredBy: TriggeredBy
}

/** What of the app a run needs to be created and to go on. */
export interface RunPlace extends DispatchPlace {
  readonly store: Store
  readonly change: Change
  readonly executions: ChangeWatch
}

/** Nodes written in one unit: with more, everybody else's writes would wait too long. */
const nodesPerUnit = 500

/**
 * Creates a run and lets its first nodes begin. It is written in slices, and exists with the last of them; `publish` is part
 * of that unit, and may throw to undo the run. Throws an ApiError (409) when the tenant has too many runs.
 */
export async function createRun(
  place: RunPlace & { readonly config: { limits: Pick<Limits, 'open_runs'> } },
  given: NewRun,
  publish: (unit: Unit, id: string) => Promise<void> = async () => {},
): Promise<StoredRun> {
  const id = newId('run')
  const { nodes } = given
  try {
    for (let at = 0; at + nodesPerUnit < nodes.length; at += nodesPerUnit)
      await place.change((unit) => write(unit, at))
    return await place.change(async (unit) => {
      await write(unit, nodes.length - 1 - ((nodes.length - 1) % nodesPerUnit))
      await changeRun(unit.tx, id, { state: 'running' })
      await publish(unit, id)
      const advanced = await advanceRun(unit, id, place)
      if (!advanced) throw new Error(`create run "${id}": it is not there`)
      return advanced.run
    })
  } catch (error) {
    // On a full disk this fails too, and a job tries it again later.
    await place.store.write((tx) => deleteHalfWritten(tx, { id })).catch(() => {})
    throw error
  }

  async function write(unit: Unit, at: number): Promise<void> {
    if (at === 0) {
      await refuseTooMany(unit, given.tenantId, place.config.limits)
      await insertRun(unit.tx, preparedRun(id, given, unit.nowMs))
    }
    await insertRunNodes(unit.tx, id, nodes.slice(at, at + nodesPerUnit))
  }
}

async function refuseTooMany(
  { tx }: Unit,
  tenantId: string,
  { open_runs: most }: Pick<Limits, 'open_runs'>,
): Promise<void> {
  if ((await countOpenRuns(tx, tenantId)) < most) return
  throw new ApiError(
    'conflict',
    `there are ${most} runs that have not ended, as many as open_runs allows: wait for one, or cancel one`,
  )
}

function preparedRun(id: string, given: NewRun, nowMs: number): StoredRun {
  const waiting = given.nodes.filter(({ status }) => status === 'waiting').length
  return {
    id,
    tenant_id: given.tenantId,
    action: given.action,
    parameters: given.parameters,
    timeout: given.timeoutMs === undefined ? null : formatDuration(given.timeoutMs),
    expires: given.expiresMs === undefined ? null : formatDuration(given.expiresMs),
    criterion: given.criterion,
    selector: given.selector,
    max_parallel: given.maxParallel,
    max_failures: given.maxFailures,
    canary: given.canary,
    state: 'preparing',
    stop: null,
    waiting,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    skipped: given.nodes.length - waiting,
    retry_of: given.retryOf ?? null,
    schedule_id: given.schedule?.id ?? null,
    schedule: given.schedule?.name ?? null,
    triggered_by: given.triggeredBy,
    created_at: nowMs,
    expires_at: nowMs + given.runExpiresMs,
    ended_at: null,
  }
}
