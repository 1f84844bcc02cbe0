import { isDeepStrictEqual } from 'node:util'
import type { DesiredState, DesiredStore } from '../state/desired-state.ts'
import { isCovered, revisionAfter } from '../state/revision.ts'
import { fold, type StateEvent } from './fold.ts'

export interface StateWatch extends Disposable {
  isOvertaken(revision: string): boolean
  /** Whether any event has been folded. */
  hasFolded(): boolean
}

/** The way in for events: each becomes a change of the desired state. */
export interface StateChanges {
  /** Resolves when the effect is on the disk. An event that the state has in it already changes nothing. */
  foldState(event: StateEvent, id: string): Promise<void>
  /**
   * The stream has come to an event that changes nothing in the state. Revisions count all events of the node, so the
   * next pull need not be a whole one for it.
   */
  passBy(id: string): Promise<void>
  /** Empties the revision, so that the next pull is whole. Resolves when that is on the disk. */
  invalidate(): Promise<void>
  /**
   * Watches until disposed of. Tells of a state pulled since then whether an event has been folded meanwhile which
   * it does not have in it: storing it would undo that event.
   */
  watch(): StateWatch
}

export function createStateChanges(deps: {
  desired: DesiredStore
  /** A change that interface or filter must follow is in memory: bring it into force. */
  onMeshChange(): void
  /** An event says less than is needed: pull soon. */
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
      // Replaced even if nothing changes: what memory has may not be on the disk yet.
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
 * Who is online and what it is called is news for people: in a large mesh it comes often, and planning for a thousand
 * peers takes some ms.
 */
function isSameMesh(before: DesiredState, now: DesiredState): boolean {
  if (now.policies !== before.policies || now.peers.length !== before.peers.length) return false
  return now.peers.every((peer, at) => {
    const old = before.peers[at]
    return peer === old || isDeepStrictEqual({ ...peer, ...unseen }, { ...old, ...unseen })
  })
}

/** What neither interface nor filter has. */
const unseen = { status: '', hostname: '' }
