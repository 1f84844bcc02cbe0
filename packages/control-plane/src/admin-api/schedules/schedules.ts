import { ApiError, adminApi, formatDuration, newId, type Schedule } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { triggeredByOperator } from '../../executions/request.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { checkRhythm, nextDue } from '../../rhythm/cron.ts'
import {
  changeSchedule as change,
  countSchedules,
  insertSchedule,
  readLastTurns,
  readScheduleNamed,
  readSchedulesAfter,
  deleteSchedule as remove,
  type StoredSchedule,
  type StoredSpec,
} from '../../rows/executions/schedules.ts'
import { chooseNodes, type RunTarget } from '../../runs/choose-nodes.ts'
import { scheduleView } from '../../schedules/view.ts'
import type { Reader } from '../../store/db.ts'
import { readDuration } from '../wire/durations.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { type RunOptions, readRunOptions, readRunTarget } from '../wire/run-spec.ts'

/** A list of nodes is kept by their ids, so that another node which takes a name over is not meant. */
export const createSchedule = handle(
  adminApi.createSchedule,
  async ({ principal, body }, app: State & Environment) => {
    const { limits } = app.config
    const { name, action, cron, time_zone = 'UTC', enabled = true } = body
    const nowMs = app.clock.now()
    checkRhythm({ cron, time_zone }, nowMs)
    const target = readRunTarget(app, principal, body)
    const warnings = await warningsOf(app, { tenantId: principal.tenant_id, target, action })
    const spec = specOf(target, readRunOptions(body, limits))
    const range = { field: 'start_within', min: '1s', max: '24h' }
    const startWithinMs = readDuration(body.start_within ?? '10m', range)
    const schedule: StoredSchedule = {
      id: newId('schedule'),
      tenant_id: principal.tenant_id,
      name,
      cron: cron.trim(),
      time_zone,
      start_within: formatDuration(startWithinMs),
      spec,
      enabled,
      next_due_at: enabled ? (nextDue({ cron, time_zone }, nowMs) ?? null) : null,
      created_by: principal.name,
      triggered_by: triggeredByOperator(principal),
      created_at: nowMs,
    }
    await app.change(async ({ tx }) => {
      await refuseTaken(tx, principal, name)
      await refuseTooMany(tx, principal, limits.schedules)
      await insertSchedule(tx, schedule)
    })
    return { ...scheduleView(schedule, []), warnings }
  },
)

/** Why a run would be refused now: nodes may come, or announce the action, before the schedule is due. */
async function warningsOf(
  { fleet, store, config }: State & Environment,
  { tenantId, target, action }: { tenantId: string; target: RunTarget; action: string },
): Promise<string[]> {
  try {
    const where = { fleet, reader: store.reader }
    await chooseNodes(where, { tenantId, action, target, most: config.limits.run_nodes })
    return []
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return [`a run would be refused now: ${error.message}`]
  }
}

function specOf(target: RunTarget, options: RunOptions): StoredSpec {
  const { action, parameters, timeoutMs, maxParallel, maxFailures, canary, expiresMs } = options
  return {
    ...('selector' in target ? { selector: target.selector } : { nodes: [...target.nodeIds] }),
    action,
    parameters,
    ...(timeoutMs === undefined ? {} : { timeout: formatDuration(timeoutMs) }),
    max_parallel: maxParallel,
    max_failures: maxFailures,
    canary,
    ...(expiresMs === undefined ? {} : { expires: formatDuration(expiresMs) }),
    ...(options.criterion ? { healthy_within: formatDuration(options.criterion.withinMs) } : {}),
    run_expires: formatDuration(options.runExpiresMs),
  }
}

async function refuseTaken(
  reader: Reader,
  { tenant_id }: OperatorRecord,
  name: string,
): Promise<void> {
  if ((await readScheduleNamed(reader, tenant_id, name)) === undefined) return
  throw new ApiError(
    'conflict',
    `there is a schedule "${name}" already: remove it, or choose another name`,
  )
}

async function refuseTooMany(
  reader: Reader,
  { tenant_id }: OperatorRecord,
  most: number,
): Promise<void> {
  if ((await countSchedules(reader, tenant_id)) < most) return
  throw new ApiError(
    'conflict',
    `there are ${most} schedules, as many as the limit schedules allows: delete one`,
  )
}

export const listSchedules = handle(
  adminApi.listSchedules,
  async ({ principal, query }, app: State & Environment) => {
    const [name] = cursorOf(query, ['']) ?? ['']
    const { reader } = app.store
    const of = { tenantId: principal.tenant_id, name }
    const page = await readSchedulesAfter(reader, of, boundsOf(query, app.config))
    const items: Schedule[] = []
    for (const schedule of page.rows) items.push(await shown(reader, schedule))
    return { items, next: nextOf(page, (row) => [row.name]) }
  },
)

export const getSchedule = handle(
  adminApi.getSchedule,
  async ({ principal, params }, { store }: State & Environment) =>
    shown(store.reader, await find(store.reader, principal, params.schedule)),
)

/** Its time while it was disabled does not count as missed. */
export const changeSchedule = handle(
  adminApi.changeSchedule,
  async ({ principal, params, body }, app: State & Environment) => {
    const { enabled } = body
    await app.change(async ({ tx, nowMs }) => {
      const schedule = await find(tx, principal, params.schedule)
      if (schedule.enabled === enabled) return
      const next_due_at = enabled ? (nextDue(schedule, nowMs) ?? null) : null
      await change(tx, schedule.id, { enabled, next_due_at })
    })
    const { reader } = app.store
    return shown(reader, await find(reader, principal, params.schedule))
  },
)

export const deleteSchedule = handle(
  adminApi.deleteSchedule,
  async ({ principal, params }, app: State & Environment) => {
    await app.change(async ({ tx }) => {
      const { id } = await find(tx, principal, params.schedule)
      await remove(tx, id)
    })
    return {}
  },
)

const shownTurns = 10

async function shown(reader: Reader, schedule: StoredSchedule): Promise<Schedule> {
  return scheduleView(schedule, await readLastTurns(reader, schedule.id, shownTurns))
}

/** A schedule of the operator's tenant. Throws an ApiError (404). */
async function find(
  reader: Reader,
  { tenant_id }: OperatorRecord,
  name: string,
): Promise<StoredSchedule> {
  const schedule = await readScheduleNamed(reader, tenant_id, name)
  if (!schedule) throw new ApiError('not_found', `there is no schedule "${name}"`)
  return schedule
}
