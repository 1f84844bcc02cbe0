import { ApiError, formatDuration, parseDuration } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { readOpenRunOf } from '../rows/executions/runs.ts'
import {
  changeSchedule,
  deleteTurnsBefore,
  hasHadTurn,
  insertTurn,
  readDueSchedules,
  readSchedule,
  readScheduleIds,
  type StoredSchedule,
  type StoredTurn,
} from '../rows/executions/schedules.ts'
import { chooseNodes } from '../runs/choose-nodes.ts'
import { createRun, type NewRun, type RunPlace } from '../runs/create-run.ts'
import { criterionOf } from '../runs/criteria.ts'
import { driveRun } from '../runs/drive.ts'
import type { Store } from '../store/db.ts'
import { type Turn, turnOf } from './turn.ts'

/** What of the app schedules need. */
export interface SchedulePlace extends RunPlace {
  readonly fleet: Fleet
  readonly config: { limits: Limits }
  readonly clock: Clock
  readonly log: Log
}

/** Starts the runs whose time has come. A schedule that fails, as on a full disk, is tried again the next time. */
export async function startDueRuns(place: SchedulePlace): Promise<void> {
  for (const schedule of await readDueSchedules(place.store.reader, place.clock.now())) {
    try {
      await takeTurn(place, schedule)
    } catch (error) {
      if (error instanceof Overtaken) continue
      const { id, name } = schedule
      place.log.error('schedule failed', { schedule_id: id, name, error: describeError(error) })
    }
  }
}

/** The schedule was changed or deleted since it was read. */
class Overtaken extends Error {}

async function takeTurn(place: SchedulePlace, schedule: StoredSchedule): Promise<void> {
  const { id, start_within, next_due_at: dueMs } = schedule
  const { reader } = place.store
  if (dueMs === null) return
  const nowMs = place.clock.now()
  const turn = turnOf(schedule, { dueMs, startWithinMs: parseDuration(start_within), nowMs })
  const close = (result: Result) => place.change((unit) => closeTurn(unit, schedule, turn, result))
  // A clock that was set back, and a schedule that was then disabled and enabled, come to the same time again.
  if (await hasHadTurn(reader, id, turn.dueMs)) return close({ outcome: 'repeated' })
  if (!turn.isInTime) {
    const late = formatDuration(nowMs - turn.dueMs)
    return close({
      outcome: 'missed',
      reason: `its time had passed for ${late}, and start_within is ${start_within}`,
    })
  }
  const running = await readOpenRunOf(reader, schedule)
  if (running) return close({ outcome: 'skipped', reason: `run "${running}" is still going` })
  try {
    await start(place, schedule, turn)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error
    await close({ outcome: 'refused', reason: error.message })
  }
}

async function start(place: SchedulePlace, schedule: StoredSchedule, turn: Turn): Promise<void> {
  const { fleet, store, log } = place
  const { id, name, tenant_id: tenantId, spec, triggered_by: triggeredBy } = schedule
  const { selector, nodes: nodeIds = [], action, parameters } = spec
  const target = selector === undefined ? { nodeIds } : { selector }
  const most = place.config.limits.run_nodes
  const nodes = await chooseNodes(
    { fleet, reader: store.reader },
    { tenantId, action, target, most },
  )
  const given: NewRun = {
    tenantId,
    selector: selector ?? null,
    nodes,
    action,
    parameters,
    timeoutMs: msOf(spec.timeout),
    maxParallel: spec.max_parallel,
    maxFailures: spec.max_failures,
    canary: spec.canary,
    expiresMs: msOf(spec.expires),
    criterion: criterionOf(msOf(spec.healthy_within)),
    runExpiresMs: parseDuration(spec.run_expires),
    schedule: { id, name },
    triggeredBy,
  }
  const run = await createRun(place, given, (unit, run_id) =>
    closeTurn(unit, schedule, turn, {
      outcome: 'started',
      reason: lateness(unit.nowMs - turn.dueMs),
      run_id,
    }),
  )
  log.info('run started by schedule', { run_id: run.id, schedule_id: id, name, action })
  await driveRun(place, run.id)
}

function msOf(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration)
}

/** The next second is on time. */
const onTimeMs = 60_000

function lateness(ms: number): string {
  return ms < onTimeMs ? '' : `it started ${formatDuration(ms)} late`
}

type Result =
  | { outcome: 'repeated' }
  | (Pick<StoredTurn, 'outcome' | 'reason'> & { run_id?: string })

/** Records what became of the time, and goes on to the next: in the unit in which the run begins to exist. Throws when overtaken. */
async function closeTurn(
  unit: Unit,
  { id, next_due_at }: StoredSchedule,
  { dueMs, missed, nextMs }: Turn,
  result: Result,
): Promise<void> {
  const current = await readSchedule(unit.tx, id)
  if (current?.next_due_at !== next_due_at) throw new Overtaken()
  await changeSchedule(unit.tx, id, { next_due_at: nextMs ?? null })
  if (result.outcome === 'repeated') return
  const { outcome, reason, run_id = null } = result
  const turn = { schedule_id: id, due_at: dueMs, outcome, reason, missed, run_id, at: unit.nowMs }
  await insertTurn(unit.tx, turn)
}

const keepMs = 30 * 24 * 3_600_000

/** Deletes what is known of times that passed more than 30 days ago, as it is with runs. */
export async function forgetTurns({ store, clock }: { store: Store; clock: Clock }): Promise<void> {
  const beforeMs = clock.now() - keepMs
  for (const id of await readScheduleIds(store.reader))
    await store.write((tx) => deleteTurnsBefore(tx, id, beforeMs))
}
