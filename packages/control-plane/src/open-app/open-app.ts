import { answerHeader, maxRelayMessageBytes } from '@plexd/protocol'
import { handOver } from '@plexd/runtime'
import { createOperatorEnds } from '../access/operator-ends.ts'
import type { RunningApp } from '../app.ts'
import { createUpgrader } from '../http/turns/upgrades.ts'
import { createChangeWatch } from '../log/watch.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { Database } from '../store/place/database.ts'
import type { OnStep } from '../store/start-step.ts'
import { createOpenTails } from '../telemetry/tail/open-tails.ts'
import { followLog } from './followers.ts'
import type { OpenEnvironment } from './open-environment.ts'
import { openSides } from './sides.ts'
import { openState } from './state.ts'
import { openStores } from './stores.ts'

/** Opens the database and what is beside it, and loads what is held in memory. Disposing leaves the environment and the database. */
export async function openApp(
  environment: OpenEnvironment,
  database: Database,
  { onStep }: { onStep?: OnStep | undefined } = {},
): Promise<RunningApp> {
  const { clock } = environment
  await using stack = new AsyncDisposableStack()
  let loaded: Fleet | undefined
  const stores = await openStores(environment, database, { fleet: () => loaded, onStep, stack })
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
  environment.controlPlanes.showStreams(app.streams.count)
  followLog(app)
  return Object.assign(app, { [Symbol.asyncDispose]: handOver(stack) })
}
