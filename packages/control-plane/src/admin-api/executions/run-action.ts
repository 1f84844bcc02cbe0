import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { requestExecution, triggeredByOperator } from '../../executions/request.ts'
import { timeoutWarnings } from '../../executions/timeout-warning.ts'
import { executionDetail } from '../../executions/view.ts'
import { handle } from '../../handle.ts'
import { readNode } from '../../rows/fleet/nodes.ts'
import { readDuration } from '../wire/durations.ts'
import { findNode } from '../wire/find-node.ts'

/** Asks a node to run an action. The request is durable before this is answered. */
export const runAction = handle(
  adminApi.runAction,
  async ({ principal, params, body }, app: State & Environment) => {
    const timeoutMs =
      body.timeout === undefined
        ? undefined
        : readDuration(body.timeout, { field: 'timeout', min: '1s', max: '24h' })
    const expiresMs =
      body.expires === undefined
        ? undefined
        : readDuration(body.expires, { field: 'expires', min: '1s', max: '168h' })
    return app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      const execution = await requestExecution(
        unit,
        {
          node,
          action: body.action,
          parameters: body.parameters ?? {},
          timeoutMs,
          expiresMs,
          triggeredBy: triggeredByOperator(principal),
        },
        app,
      )
      const stored = await readNode(unit.tx, node.id)
      const warnings = timeoutWarnings(execution.timeout, stored?.capabilities ?? {})
      return { ...(await executionDetail(unit.tx, execution, node.hostname)), warnings }
    })
  },
)
