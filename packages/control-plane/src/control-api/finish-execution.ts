import { controlApi } from '@plexd/protocol'
import { updateExecution } from '../executions/update.ts'
import { handle } from '../handle.ts'

export const finishExecution = handle(
  controlApi.finishExecution,
  async ({ params, body, principal }, app) => {
    await updateExecution(app, principal, params.execution_id, { result: body })
    return {}
  },
)
