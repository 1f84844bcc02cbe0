import type { DaemonStatus } from '@plexd/protocol'
import type { Static } from 'typebox'
import type { DesiredState } from '../../state/desired-state.ts'

/** The node's state that builtin actions can read. */
export interface NodeFacts {
  status(): Static<typeof DaemonStatus>
  peers(): DesiredState['peers']
}
