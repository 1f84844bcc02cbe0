import {
  type Clock,
  type DaemonStart,
  describeError,
  type Log,
  ownArguments,
  replaceProcess,
  type ServiceManager,
} from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { planLaunch } from './launch-plan.ts'
import { describeSelf, supervisorVariable, trialVariable } from './self.ts'
import { supervise } from './supervise.ts'
import { openVersionStore } from './version-store.ts'

export interface LaunchOptions {
  config: Pick<
    AgentConfig,
    'dataDir' | 'upgradeDeadlineMs' | 'upgradeStarts' | 'socketEnabled' | 'socketPath'
  >
  daemonStart: DaemonStart | undefined
  manager: ServiceManager
  /** What a daemon takes at most to end. */
  stopMs: number
  clock: Clock
  log: Log
}

/**
 * Continues as the version that is to run on this machine, if that is not this program; then it does not return. A new
 * version that has yet to show that it works is run as a child instead.
 */
export async function launch({ config, daemonStart, ...options }: LaunchOptions): Promise<void> {
  const { clock, log } = options
  const store = openVersionStore(config.dataDir, log)
  const self = describeSelf(store.folder)
  if (!self.isSingleFile) return
  const { [trialVariable]: trial, [supervisorVariable]: _, ...env } = process.env
  const args = ownArguments(self.isSingleFile)
  const maxStarts = config.upgradeStarts
  let state = store.read()
  for (;;) {
    const plan = planLaunch({ ...store, state, self, trial, maxStarts, nowMs: clock.now() })
    if (plan.do === 'run') return
    const { reloadRequests, service = {} } = daemonStart ?? {}
    // The same process is the same to the service manager.
    if (plan.do === 'replace') return replace(plan.file, args, { ...env, ...service }, log)
    if (plan.do === 'change') {
      log.warn('another version of plexd is to run', { reason: plan.why })
      state = plan.state
      await store.write(state).catch((error: unknown) => cannotSave(error, log))
      continue
    }
    const { CREDENTIALS_DIRECTORY } = service
    const next = await supervise(plan.file, plan.state, {
      ...options,
      store,
      args,
      env: { ...env, CREDENTIALS_DIRECTORY },
      deadlineMs: config.upgradeDeadlineMs,
      maxStarts,
      reloadRequests,
      socketPath: config.socketEnabled ? config.socketPath : undefined,
    })
    if (next.do === 'end') process.exit(next.code)
    state = next.state
  }
}

/** Better this version than none. */
function replace(file: string, args: readonly string[], env: NodeJS.ProcessEnv, log: Log): void {
  try {
    replaceProcess(file, args, env)
  } catch (error) {
    log.error('the chosen version of plexd does not start', { file, error: describeError(error) })
  }
}

function cannotSave(error: unknown, log: Log): void {
  log.error('which version of plexd is to run cannot be saved', { error: describeError(error) })
}
