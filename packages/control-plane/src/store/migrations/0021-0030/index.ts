import * as forwards from './0021-forwards.ts'
import * as authorities from './0022-authorities.ts'

/** In order. */
export const migrations = [forwards, authorities]
