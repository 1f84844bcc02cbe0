import { adminApi } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { triggeredByOperator } from '../../executions/request.ts'
import { handle } from '../../handle.ts'
import { chooseNodes } from '../../runs/choose-nodes.ts'
import { createRun as create } from '../../runs/create-run.ts'
import { driveRun } from '../../runs/drive.ts'
import { runView } from '../../runs/view.ts'
import { readRunOptions, readRunTarget } from '../wire/run-spec.ts'
import { findRun } from './runs.ts'

/** Answers when the first nodes have been asked. */
export const createRun = handle(
  adminApi.createRun,
  async ({ principal, body }, app: State & Waiters & Environment) => {
    const { limits } = app.config
    const { tenant_id: tenantId } = principal
    const target = readRunTarget(app, principal, body)
    const options = readRunOptions(body, limits)
    const { action } = options
    const where = { fleet: app.fleet, reader: app.store.reader }
    const nodes = await chooseNodes(where, { tenantId, action, target, most: limits.run_nodes })
    const selector = 'selector' in target ? target.selector : null
    const triggeredBy = triggeredByOperator(principal)
    const { id } = await create(app, { ...options, tenantId, selector, nodes, triggeredBy })
    await driveRun(app, id)
    return runView(await findRun(app.store.reader, principal, id))
  },
)
