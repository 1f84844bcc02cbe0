import type { DaemonStatus } from '@plexd/protocol'
import type { Static } from 'typebox'
import type { DesiredState } from '../../state/desired-state.ts'

/** What builtin actions may look at. */
export interface NodeFacts {
  status(): Static<typeof DaemonStatus>
  peers(): DesiredState['peers']
}
