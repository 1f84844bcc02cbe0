import { ApiError, adminApi, type Run } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { changeRun, type RunChange, type StoredRun } from '../../rows/executions/runs.ts'
import { driveRun } from '../../runs/drive.ts'
import { reasonOf } from '../../runs/reason.ts'
import { runView } from '../../runs/view.ts'
import { findRun } from './runs.ts'

type Place = State & Waiters & Environment

/** Pausing one that is paused, and the like, is no error: two operators may have the same thought. */
export const pauseRun = handle(adminApi.pauseRun, ({ principal, params }, app: Place) =>
  control(app, principal, params.run_id, (run) => {
    refuseStopped(run, 'be paused')
    return { state: 'paused' }
  }),
)

export const resumeRun = handle(adminApi.resumeRun, ({ principal, params }, app: Place) =>
  control(app, principal, params.run_id, (run) => {
    refuseStopped(run, 'go on')
    return { state: 'running' }
  }),
)

/** It has ended when the last execution has: until then it is shown as running, with the reason. */
export const cancelRun = handle(adminApi.cancelRun, ({ principal, params }, app: Place) =>
  control(app, principal, params.run_id, (run) => {
    if (run.state === 'cancelled') return {}
    if (run.state === 'succeeded' || run.state === 'failed')
      throw new ApiError('conflict', `run "${run.id}" has ${run.state}, it cannot be cancelled`)
    return { stop: 'cancelled', state: 'running' }
  }),
)

async function control(
  app: Place,
  operator: OperatorRecord,
  id: string,
  changeOf: (run: StoredRun) => RunChange,
): Promise<Run> {
  await app.change(async (unit) => {
    const change = changeOf(await findRun(unit.tx, operator, id))
    if (Object.keys(change).length > 0) await changeRun(unit.tx, id, change)
  })
  await driveRun(app, id)
  return runView(await findRun(app.store.reader, operator, id))
}

/** Throws an ApiError (409) for a run of which no further node will begin. */
function refuseStopped(run: StoredRun, what: string): void {
  const { id, state, stop } = run
  if (state === 'preparing' || (stop === null && (state === 'running' || state === 'paused')))
    return
  const why = reasonOf({ ...run, state })
  throw new ApiError('conflict', `run "${id}" cannot ${what}: ${why || `it has ${state}`}`)
}
