import { userInfo } from 'node:os'
import type { ActionContext, ActionOutput } from '../../actions/define.ts'
import { outputOfContained } from '../../contain/contained-output.ts'
import type { RunContained } from '../../contain/containment.ts'
import { findUser } from '../../contain/launch/user.ts'
import type { FoundHook } from '../files/find-hooks.ts'
import { type CopyPlaces, copyProgram } from './private-copy.ts'

export interface HookRun {
  hook: Pick<FoundHook, 'name' | 'declaration'>
  /** What was checked, which is what runs. */
  program: Buffer
  /** Of the parameters. */
  variables: Readonly<Record<string, string>>
}

export interface RunHookDeps {
  places: CopyPlaces
  nodeId(): string
  runContained: RunContained
}

/** Runs a hook until it has ended. Its environment is what is listed here, and nothing of plexd's own. */
export async function runHook(
  { hook, program, variables }: HookRun,
  context: ActionContext,
  { places, nodeId, runContained }: RunHookDeps,
): Promise<ActionOutput> {
  const { user, limits, sandbox, network, writable, image } = hook.declaration
  const other = await findUser(user)
  // In a sandbox it sees its copy wherever that is.
  const isForOthers = other !== undefined && sandbox === 'none'
  await using copy = await copyProgram(program, { name: hook.name, places, isForOthers })
  const end = await runContained({
    argv: copy.argv,
    env: {
      PATH: path,
      HOME: other?.home ?? ownHome(),
      ...variables,
      PLEXD_EXECUTION_ID: context.executionId,
      PLEXD_ACTION_NAME: hook.name,
      PLEXD_NODE_ID: nodeId(),
    },
    user,
    limits,
    sandbox: { kind: sandbox, network, writable, files: [copy.path], image },
    signal: context.signal,
    outputBytes: context.outputBytes,
  })
  return outputOfContained(end)
}

/** A container may run with a uid that has no account. */
function ownHome(): string {
  try {
    return userInfo().homedir || '/'
  } catch {
    return '/'
  }
}

/** That of root's login shells; plexd's own depends on who started it. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
