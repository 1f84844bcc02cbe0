import { answerHeader, maxRelayMessageBytes } from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import { createOperatorEnds } from '../access/operator-ends.ts'
import type { RunningApp } from '../app.ts'
import type { Config } from '../config/config.ts'
import { createMetrics } from '../http/metrics/metrics.ts'
import { createUpgrader } from '../http/turns/upgrades.ts'
import { newLifeId } from '../log/position.ts'
import { createChangeWatch } from '../log/watch.ts'
import type { Fleet } from '../mesh/fleet.ts'
import { claimDataDir } from '../start/data-dir-lock.ts'
import type { OnStep } from '../store/start-step.ts'
import { createOpenTails } from '../telemetry/tail/open-tails.ts'
import { createEnvironment } from './environment.ts'
import { followLog } from './followers.ts'
import { openSides } from './sides.ts'
import { openState } from './state.ts'
import { openStores } from './stores.ts'

export interface StartOptions {
  clock: Clock
  log: Log
  onStep?: OnStep | undefined
  /** Called while another control plane serves from the database, with words for who waits. */
  onWait?: ((words: string) => void) | undefined
  /** Ends the waiting. */
  signal?: AbortSignal | undefined
}

/** Locks and opens the data folder, and loads what is held in memory. */
export async function openApp(
  config: Config,
  { clock, log, onStep, onWait, signal }: StartOptions,
): Promise<RunningApp> {
  await using stack = new AsyncDisposableStack()
  stack.use(claimDataDir(config.dataDir))
  const metrics = stack.use(createMetrics())
  const environment = createEnvironment(config, { metrics, clock, log, life: newLifeId() })
  let loaded: Fleet | undefined
  const stores = await openStores(environment, {
    ...{ fleet: () => loaded, onStep, onWait, signal, stack },
  })
  const state = await openState(environment, stores)
  const { fleet } = state
  loaded = fleet
  const sides = await openSides(environment, { ...stores, fleet, onStep, stack })
  const waiters = {
    executions: createChangeWatch(clock),
    sessions: createChangeWatch(clock),
    operatorEnds: createOperatorEnds(fleet),
    tails: createOpenTails(),
  }
  const upgrader = createUpgrader({
    maxMessageBytes: maxRelayMessageBytes,
    headers: { [answerHeader]: environment.life },
  })
  // The environment's settings may change, so it is not copied.
  const app = Object.assign(environment, state, sides, waiters, { upgrader })
  followLog(app)
  return Object.assign(app, { [Symbol.asyncDispose]: handOver(stack) })
}
