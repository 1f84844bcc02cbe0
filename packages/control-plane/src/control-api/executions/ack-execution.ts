import { controlApi } from '@plexd/protocol'
import { updateExecution } from '../../executions/update.ts'
import { handle } from '../../handle.ts'

export const ackExecution = handle(
  controlApi.ackExecution,
  async ({ params, body, principal }, app) => {
    await updateExecution(app, principal, params.execution_id, { ack: body })
    return {}
  },
)
