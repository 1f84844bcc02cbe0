import type { Action, PreparedAction, ReceivedParameters } from '../actions/define.ts'
import { describeParameters } from '../actions/define.ts'
import type { JudgedHook } from './judge.ts'

/** Checks the hook as it is at this moment, and makes it ready to run. */
export type PrepareHook = (
  name: string,
  received: ReceivedParameters,
  expected: string | undefined,
) => Promise<PreparedAction>

/** A hook as an action. One that was announced and must not run any more stays one, so that who asks for it hears why. */
export function hookAction(hook: JudgedHook, prepare: PrepareHook): Action {
  const { name, declaration, announced } = hook
  const { description, parameters, timeoutMs, sandbox } = declaration
  return {
    type: 'hook',
    name,
    description,
    parameters: describeParameters(parameters),
    timeoutMs,
    sandbox,
    ...(announced === undefined ? {} : { checksum: announced.checksum }),
    prepare: (received, expected) => prepare(name, received, expected),
  }
}
