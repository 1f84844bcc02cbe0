import { type Static, Type } from 'typebox'
import { ExecutionResult } from '../executions/execution.ts'
import { ActionParameter, BuiltinAction } from '../nodes/capabilities.ts'

/** An action that the node can run. */
export const LocalAction = Type.Interface([BuiltinAction], {
  type: Type.Enum(['builtin', 'hook']),
  description: Type.String(),
  parameters: Type.Array(ActionParameter),
  /** For which it may run unless a request says so. */
  timeout: Type.String({ examples: ['30s'] }),
})
export type LocalAction = Static<typeof LocalAction>

/** What a user of the node asks for. */
export const LocalRun = Type.Object({
  action: Type.String({ minLength: 1, maxLength: 256 }),
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean(), Type.Integer()])),
  ),
  timeout: Type.Optional(
    Type.String({ maxLength: 64, description: 'Go duration; that of the action when absent' }),
  ),
})
export type LocalRun = Static<typeof LocalRun>

/** The result; the control plane does not know of it. */
export const LocalResult = Type.Interface([ExecutionResult], {
  execution_id: Type.String({ examples: ['local_a1b2c3d4'] }),
  action: Type.String(),
})
export type LocalResult = Static<typeof LocalResult>
