import type { ControlApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { ping } from './ping.ts'
import { register } from './register.ts'

/** What answers each row of the control API. */
export const controlHandlers: Partial<Handlers<ControlApi>> = {
  register,
  ping,
}
