import { formatDuration, type HookStatus } from '@plexd/protocol'
import { describeParameters } from '../actions/define.ts'
import type { JudgedHook } from './judge.ts'

/** A hook, for the operator of its machine. */
export function describeHook(hook: JudgedHook): HookStatus {
  const { name, path, state, reason, declaration, announced, checksum, warnings } = hook
  return {
    name,
    path,
    state,
    reason,
    description: declaration.description,
    parameters: describeParameters(declaration.parameters),
    timeout: formatDuration(declaration.timeoutMs),
    user: declaration.user ?? '',
    sandbox: declaration.sandbox,
    announced_checksum: announced?.checksum ?? '',
    checksum: checksum ?? '',
    warnings,
  }
}

/** What an operator has to mend, one line for each; empty if all hooks run. */
export function describeFaults(hooks: readonly JudgedHook[]): string[] {
  return hooks
    .filter(({ reason }) => reason !== '')
    .map(({ name, reason }) => `hook "${name}" does not run: ${reason}`)
}
