import { controlApi } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import { updateExecution } from './update.ts'

export const ackExecution = handle(
  controlApi.ackExecution,
  async ({ params, body, principal }, app: State & Waiters & Environment) => {
    await updateExecution(app, principal, params.execution_id, { ack: body })
    return {}
  },
)
