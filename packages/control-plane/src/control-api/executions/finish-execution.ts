import { controlApi } from '@plexd/protocol'
import type { Environment, Intake, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import { updateExecution } from './update.ts'

/** The output may be large: the parser thread reads it, and returns only what is stored. */
export const finishExecution = handle(
  controlApi.finishExecution,
  async (call, app: State & Intake & Waiters & Environment) => {
    const body = await app.bodies.read(call, controlApi.finishExecution)
    const result = await app.parser.parse('result', body)
    await updateExecution(app, call.principal, call.params.execution_id, { result })
    return {}
  },
)
