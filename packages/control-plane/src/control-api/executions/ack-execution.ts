import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { updateExecution } from './update.ts'

export const ackExecution = handle(
  controlApi.ackExecution,
  async ({ params, body, principal }, app) => {
    await updateExecution(app, principal, params.execution_id, { ack: body })
    return {}
  },
)
