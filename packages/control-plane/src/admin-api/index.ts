import type { AdminApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'

/** What answers each row of the admin API. */
export const adminHandlers: Partial<Handlers<AdminApi>> = {}
