import type { Clock, Log } from '@plexd/runtime'
import type { Change } from './change.ts'
import type { Config } from './config.ts'
import type { Fleet } from './mesh/fleet.ts'
import type { Store } from './store/db.ts'

/** The one object that handlers get. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** What is committed. Inside a change look at `unit.fleet` instead. */
  readonly fleet: Fleet
  readonly change: Change
  readonly clock: Clock
  readonly log: Log
}
