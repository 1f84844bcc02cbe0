import { ownersHere } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Containment } from '../../contain/containment.ts'
import type { Disk } from '../../disk/disk.ts'
import { type Hooks, type HooksDeps, startHooks } from '../../hooks/hooks.ts'
import { noHooks } from '../../hooks/no-hooks.ts'

type Sources = Omit<HooksDeps, 'owners' | 'catalog' | 'onFailure' | 'runContained'> & {
  config: Pick<AgentConfig, 'hooksEnabled'>
  disk: Pick<Disk, 'failed'>
  actions: HooksDeps['catalog']
  containment: Pick<Containment, 'run'>
}

/** The hooks of this machine, unless they are switched off. */
export async function openHooks(core: Sources): Promise<Hooks> {
  const { config, disk, actions, containment } = core
  if (!config.hooksEnabled) return noHooks('hooks are off: hooks.enabled is false')
  return startHooks({
    ...core,
    catalog: actions,
    owners: ownersHere(),
    onFailure: disk.failed,
    runContained: containment.run,
  })
}
