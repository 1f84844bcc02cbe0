import { ApiError, adminApi, parseDuration } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { triggeredByOperator } from '../../executions/request.ts'
import { handle } from '../../handle.ts'
import { readNodeIdsIn, type StoredRunNode } from '../../rows/executions/run-nodes.ts'
import { chooseNodes } from '../../runs/choose-nodes.ts'
import { createRun } from '../../runs/create-run.ts'
import { driveRun } from '../../runs/drive.ts'
import { runView } from '../../runs/view.ts'
import { findRun } from './runs.ts'

/** A new run of the nodes that failed, with what the old one was asked for. */
export const retryRun = handle(
  adminApi.retryRun,
  async ({ principal, params, body }, app: State & Waiters & Environment) => {
    const { reader } = app.store
    const old = await findRun(reader, principal, params.run_id)
    if (old.ended_at === null)
      throw new ApiError('conflict', `run "${old.id}" has not ended: cancel it, or wait`)
    const nodeIds = await readNodeIdsIn(reader, old.id, body.unfinished ? unfinished : ['failed'])
    if (nodeIds.length === 0)
      throw new ApiError('conflict', `run "${old.id}" has no node ${none(body.unfinished)}`)
    const { tenant_id: tenantId, action, parameters } = old
    const nodes = await chooseNodes(
      { fleet: app.fleet, reader },
      { tenantId, action, target: { nodeIds }, most: app.config.limits.run_nodes },
    )
    const { id } = await createRun(app, {
      tenantId,
      selector: null,
      nodes,
      action,
      parameters,
      timeoutMs: old.timeout === null ? undefined : parseDuration(old.timeout),
      maxParallel: old.max_parallel,
      maxFailures: old.max_failures,
      canary: old.canary,
      expiresMs: old.expires === null ? undefined : parseDuration(old.expires),
      criterion: old.criterion,
      runExpiresMs: old.expires_at - old.created_at,
      retryOf: old.id,
      triggeredBy: triggeredByOperator(principal),
    })
    await driveRun(app, id)
    return runView(await findRun(app.store.reader, principal, id))
  },
)

/** Of an ended run, those that wait are those that it did not come to. */
const unfinished: StoredRunNode['status'][] = ['failed', 'cancelled', 'waiting']

function none(isUnfinished = false): string {
  return isUnfinished
    ? 'that failed, was cancelled or did not begin'
    : 'that failed: with "unfinished" also those are meant that were cancelled or did not begin'
}
