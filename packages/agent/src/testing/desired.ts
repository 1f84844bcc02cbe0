import { type DesiredState, type DesiredStore, emptyDesiredState } from '../state/desired-state.ts'

/** A desired state that is in memory alone. */
export function holdDesired(start: Partial<DesiredState>): DesiredStore {
  let state: DesiredState = { ...emptyDesiredState, ...start }
  return {
    current: () => state,
    index: () => 1,
    async replace(next) {
      state = next
    },
    isMeshLost: () => false,
    onChange: () => () => {},
  }
}
