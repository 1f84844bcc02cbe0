import * as forwards from './0021-forwards.ts'

/** In order. */
export const migrations = [forwards]
