import { ownersHere } from '@plexd/runtime'
import { type Action, ActionRefusal } from '../actions/define.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { readAnnounced } from './announced.ts'
import { type FindOptions, findHooks, readHook } from './files/find-hooks.ts'
import { hookAction, type PrepareHook } from './hook-action.ts'
import { isAsAnnounced, type JudgedHook, judge } from './judge.ts'
import { createPrepareHook } from './prepare-hook.ts'
import { copyPlaces } from './run/private-copy.ts'
import type { RunHookDeps } from './run/run-hook.ts'

type AloneConfig = Pick<
  AgentConfig,
  'dataDir' | 'socketPath' | 'hooksDir' | 'hookDefinitions' | 'limits'
>

/**
 * The hooks as their files declare them, for a run without the daemon. One that was never announced runs too; one that is not
 * as it was announced does not. Announces nothing. Rejects if files cannot be read.
 */
export async function hooksAlone(
  config: AloneConfig,
  deps: Pick<RunHookDeps, 'nodeId' | 'runContained'>,
): Promise<Action[]> {
  // Not those of the daemon's user, if that is another: here they would run as root.
  const find: FindOptions = { ...config, owners: ownersHere() }
  const { hooks: found } = await findHooks(find)
  const hooks = judge(found, readAnnounced(config.dataDir)).map(asIfAnnounced)
  const prepare = createPrepareHook({
    ...deps,
    places: copyPlaces(config),
    registry: { hooks: () => hooks, look: async () => false },
    read: (path) => readHook(path, find),
    onDeviation() {},
  })
  return hooks.map((hook) => hookAction(hook, sayingWhy(hook, prepare)))
}

function asIfAnnounced(hook: JudgedHook): JudgedHook {
  const { state, checksum } = hook
  return state === 'new' && checksum !== undefined
    ? { ...hook, state: 'ready', announced: { checksum } }
    : hook
}

/** Who is here hears more than the words of the wire contract. */
function sayingWhy(hook: JudgedHook, prepare: PrepareHook): PrepareHook {
  if (isAsAnnounced(hook)) return prepare
  return async () => {
    throw new ActionRefusal(hook.reason)
  }
}
