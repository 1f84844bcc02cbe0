import { type Clock, type KeptLines, type Log, ownersHere } from '@plexd/runtime'
import { builtinActions } from '../../actions/builtin/index.ts'
import { createActionCatalog, type OpenCatalog } from '../../actions/catalog.ts'
import { createLogReader } from '../../actions/log-reader.ts'
import type { AgentConfig } from '../../config/agent-config.ts'
import { type Containment, openContainment } from '../../contain/containment.ts'
import type { Problems } from '../../health/problems.ts'
import { type Hooks, startHooks } from '../../hooks/hooks.ts'
import { noHooks } from '../../hooks/no-hooks.ts'
import { createViolations } from '../../hooks/violations.ts'
import { describeSelf, notSingleFile } from '../../upgrade/self.ts'
import type { State } from './open-state.ts'
import type { ShownView } from './view.ts'

/** What the node can be asked to do. */
export interface NodeActions {
  readonly actions: OpenCatalog
  /** Runs the programs of actions. */
  readonly containment: Containment
  readonly hooks: Hooks
}

interface Sources extends State {
  config: AgentConfig
  shown: ShownView
  problems: Problems
  keptLog: KeptLines['list']
  clock: Clock
  log: Log
}

/** plexd's own actions, and the hooks of this machine unless they are switched off. */
export async function openActions(
  core: Sources,
  stack: AsyncDisposableStack,
): Promise<NodeActions> {
  const { config, shown, keptLog, desired, versions, clock, log } = core
  const containment = stack.use(await openContainment({ dataDir: config.dataDir, clock, log }))
  const actions = createActionCatalog()
  const builtin = builtinActions({
    ...shown,
    config,
    clock,
    desired: desired.current,
    cannotUpgrade: describeSelf(versions.folder).isSingleFile ? undefined : notSingleFile,
    readLog: createLogReader({ kept: keptLog }),
  })
  actions.replace('builtin', builtin)
  if (!config.hooksEnabled)
    return { actions, containment, hooks: noHooks('hooks are off: hooks.enabled is false') }
  const hooks = await startHooks({
    ...core,
    catalog: actions,
    violations: createViolations(core.queues.violations, { clock, log }),
    owners: ownersHere(),
    nodeId: () => shown.status().node_id,
    onFailure: core.disk.failed,
    runContained: containment.run,
  })
  return { actions, containment, hooks: stack.use(hooks) }
}
