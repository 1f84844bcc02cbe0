import { controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { updateExecution } from './update.ts'

/** The output may be large: it is read by the parser, of which only what is kept comes back. */
export const finishExecution = handle(controlApi.finishExecution, async (call, app) => {
  const body = await app.bodies.read(call, controlApi.finishExecution)
  const result = await app.parser.parse('result', body)
  await updateExecution(app, call.principal, call.params.execution_id, { result })
  return {}
})
