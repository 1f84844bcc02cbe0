import type { ControlApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { deregister } from './deregister.ts'
import { getState } from './get-state.ts'
import { heartbeat } from './heartbeat.ts'
import { openEvents } from './open-events.ts'
import { ping } from './ping.ts'
import { putCapabilities } from './put-capabilities.ts'
import { putEndpoint } from './put-endpoint.ts'
import { register } from './register.ts'
import { rotateKeys } from './rotate-keys.ts'

/** What answers each row of the control API. */
export const controlHandlers: Partial<Handlers<ControlApi>> = {
  register,
  openEvents,
  heartbeat,
  deregister,
  rotateKeys,
  putCapabilities,
  putEndpoint,
  getState,
  ping,
}
