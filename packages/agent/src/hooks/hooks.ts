import type { HookList } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import type { OpenCatalog } from '../actions/catalog.ts'
import type { AgentConfig } from '../config/agent-config.ts'
import { type Problems, summarize } from '../health/problems.ts'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { type FindOptions, readHook } from './files/find-hooks.ts'
import { hookAction } from './hook-action.ts'
import { describeFaults, describeHook } from './hook-status.ts'
import { watchFolder } from './hook-watch.ts'
import type { Deviation } from './judge.ts'
import { createPrepareHook } from './prepare-hook.ts'
import { createHookRegistry, settleMs } from './registry.ts'
import { copyPlaces, removeCopies } from './run/private-copy.ts'
import type { RunHookDeps } from './run/run-hook.ts'
import type { Violations } from './violations.ts'

/** The operators' own programs, as actions. Disposing stops looking at their files. */
export interface Hooks extends AsyncDisposable {
  /** As they are at the moment. */
  list(): HookList
  /** Announces all as they are now, changed or not. */
  reload(): Promise<HookList>
}

export interface HooksDeps extends Pick<RunHookDeps, 'nodeId' | 'runContained'> {
  config: Pick<AgentConfig, 'dataDir' | 'socketPath' | 'hooksCheckMs'> & Omit<FindOptions, 'owners'>
  owners: readonly number[]
  catalog: Pick<OpenCatalog, 'replace'>
  violations: Pick<Violations, 'add'>
  problems: Pick<Problems, 'set'>
  onFailure(error: unknown): void
  clock: Clock
  log: Log
}

/** An editor makes several changes in a row, and a program may write its log there: one look a second is enough. */
const gatherMs = 1_000

/** Resolves when all hooks have been looked at. */
export async function startHooks(deps: HooksDeps): Promise<Hooks> {
  const { config, catalog, problems, violations, clock, log } = deps
  const find: FindOptions = { ...config, owners: deps.owners }
  const places = copyPlaces(config)
  await removeCopies(places)
  const registry = createHookRegistry({
    ...deps,
    find,
    dataDir: config.dataDir,
    onLook,
    onDeviation,
  })
  const prepare = createPrepareHook({
    ...deps,
    places,
    registry,
    read: (path) => readHook(path, find),
    onDeviation,
  })
  const changed = createTrigger(clock)
  let told = new Set<string>()

  function onLook(): void {
    const hooks = registry.hooks()
    const announced = hooks.filter((hook) => hook.announced)
    catalog.replace(
      'hook',
      announced.map((hook) => hookAction(hook, prepare)),
    )
    const faults = [registry.fault(), ...describeFaults(hooks)].filter((text) => text !== '')
    problems.set('hooks', summarize(faults))
    tell([...faults, ...registry.warnings(), ...warningsOf(registry.hooks())])
  }

  /** Logs what is new. */
  function tell(texts: readonly string[]): void {
    for (const detail of texts) if (!told.has(detail)) log.warn('hooks need attention', { detail })
    told = new Set(texts)
  }

  function onDeviation(deviation: Deviation): void {
    const { name: hook, ...rest } = deviation
    log.error('integrity violation', { hook, ...rest })
    violations.add(deviation)
  }

  async function watch(signal: AbortSignal): Promise<void> {
    for (let isWaiting = false; ; ) {
      using _watching = watchFolder(config.hooksDir, changed.fire, log)
      isWaiting = await registry.look(settleMs)
      const isChanged = await changed.wait(isWaiting ? settleMs : config.hooksCheckMs, signal)
      if (isChanged) await clock.sleep(gatherMs, signal)
    }
  }

  const list = (): HookList => ({
    hooks: registry.hooks().map(describeHook),
    warnings: [registry.fault(), ...registry.warnings()].filter((text) => text !== ''),
  })
  await registry.look(0)
  const task = startTask(watch)
  return {
    list,
    async reload() {
      await registry.reload()
      log.info('hooks are announced as they are', { hooks: registry.hooks().length })
      return list()
    },
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

function warningsOf(hooks: readonly { name: string; warnings: readonly string[] }[]): string[] {
  return hooks.flatMap(({ name, warnings }) => warnings.map((text) => `hook "${name}": ${text}`))
}
