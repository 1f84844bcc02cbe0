import { isDeepStrictEqual } from 'node:util'
import type { DesiredState, DesiredStore } from '../state/desired-state.ts'
import { isCovered, revisionAfter } from '../state/revision.ts'
import { fold, type StateEvent } from './fold.ts'

export interface StateWatch extends Disposable {
  isOvertaken(revision: string): boolean
  /** Whether any event has been folded. */
  hasFolded(): boolean
}

/** Applies events to the desired state. */
export interface StateChanges {
  /** Resolves when the effect is on disk. An event that the state already contains changes nothing. */
  foldState(event: StateEvent, id: string): Promise<void>
  /**
   * The stream has reached an event that does not change the state. Revisions count all events of the node, so
   * this lets the next pull be conditional.
   */
  passBy(id: string): Promise<void>
  /** Clears the revision, so that the next pull is unconditional. Resolves when that is on disk. */
  invalidate(): Promise<void>
  /**
   * Watches until disposed. For a state pulled since then, it tells whether a meanwhile folded event is
   * missing from that state: storing it would undo the event.
   */
  watch(): StateWatch
}

export function createStateChanges(deps: {
  desired: DesiredStore
  /** A change that affects interface or filter is in memory: apply it. */
  onMeshChange(): void
  /** An event lacks information: pull soon. */
  onGap(): void
}): StateChanges {
  const { desired } = deps
  const watchers = new Set<string[]>()

  function next(now: DesiredState, event: StateEvent, id: string): DesiredState {
    if (isCovered(id, now.revision)) return now
    const folded = fold(now, event)
    if (folded) return { ...folded, revision: revisionAfter(now.revision, id) }
    deps.onGap()
    return { ...now, revision: '' }
  }

  return {
    async foldState(event, id) {
      for (const folded of watchers) folded.push(id)
      const before = desired.current()
      // Stored even without a change: the state in memory may not be on disk yet.
      const saved = desired.replace(next(before, event, id))
      if (!isSameMesh(before, desired.current())) deps.onMeshChange()
      await saved
    },
    async passBy(id) {
      const now = desired.current()
      if (isCovered(id, now.revision) || revisionAfter(now.revision, id) === '') return
      await desired.replace({ ...now, revision: id })
    },
    invalidate: () => desired.replace({ ...desired.current(), revision: '' }),
    watch() {
      const folded: string[] = []
      watchers.add(folded)
      return {
        isOvertaken: (revision) => folded.some((id) => !isCovered(id, revision)),
        hasFolded: () => folded.length > 0,
        [Symbol.dispose]: () => void watchers.delete(folded),
      }
    },
  }
}

/**
 * Online status and hostname are only for display: in a large mesh they change often, and planning for a thousand
 * peers takes some ms.
 */
function isSameMesh(before: DesiredState, now: DesiredState): boolean {
  if (now.policies !== before.policies || now.peers.length !== before.peers.length) return false
  return now.peers.every((peer, at) => {
    const old = before.peers[at]
    return peer === old || isDeepStrictEqual({ ...peer, ...unseen }, { ...old, ...unseen })
  })
}

/** Fields that affect neither interface nor filter. */
const unseen = { status: '', hostname: '' }
