import type { ControlApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import * as downloads from './artifacts/downloads.ts'
import * as executions from './executions/executions.ts'
import * as installation from './installation/prove.ts'
import * as life from './life/life.ts'
import * as putEndpoint from './life/put-endpoint.ts'
import * as register from './life/register.ts'
import * as rotateKeys from './life/rotate-keys.ts'
import * as reports from './reports/sync-reports.ts'
import * as recordings from './sessions/recordings.ts'
import * as relaySession from './sessions/relay-session.ts'
import * as tunnels from './sessions/tunnels.ts'
import * as getSecret from './state/get-secret.ts'
import * as state from './state/get-state.ts'
import * as openEvents from './state/open-events.ts'
import * as telemetry from './telemetry/telemetry.ts'

/** The handler of each row of the control API: each file exports those of its noun, by the names of their rows. */
export const controlHandlers: Handlers<ControlApi> = {
  ...downloads,
  ...executions,
  ...installation,
  ...life,
  ...putEndpoint,
  ...register,
  ...rotateKeys,
  ...reports,
  ...relaySession,
  ...recordings,
  ...tunnels,
  ...state,
  ...openEvents,
  ...getSecret,
  ...telemetry,
}
