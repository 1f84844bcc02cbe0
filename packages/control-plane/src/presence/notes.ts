import type { Fleet, NodeRecord } from '../mesh/fleet.ts'

/** Something remembered of each node from one request to the next, in memory alone; one note for a node at most. */
export interface Notes<Note> {
  of(nodeId: string): Note | undefined
  /** Undefined takes it away. Nothing is noted of a node that has left: a last request of it may still be under way. */
  put(nodeId: string, note: Note | undefined): void
  /** How many nodes have one. */
  count(): number
}

/** What nodes did not hear of, or were not given a place for. */
export interface NodeNotes {
  /** Digest of a report batch that was taken, but whose answer did not leave. */
  readonly lostReportAnswers: Notes<string>
  /** What was not taken of its last endpoint report, because no peer can reach it there. */
  readonly endpointsLeftOut: Notes<string>
  /** How many entries of its last batch a Go node was not given a place for. */
  readonly reportsLeftOut: Notes<number>
  /** The node has left. */
  forget(node: Pick<NodeRecord, 'id'>): void
}

export function createNodeNotes(fleet: Pick<Fleet, 'node'>): NodeNotes {
  const all: Map<string, unknown>[] = []

  function notes<Note>(): Notes<Note> {
    const kept = new Map<string, Note>()
    all.push(kept)
    return {
      of: (nodeId) => kept.get(nodeId),
      put(nodeId, note) {
        if (note === undefined || !fleet.node(nodeId)) kept.delete(nodeId)
        else kept.set(nodeId, note)
      },
      count: () => kept.size,
    }
  }

  return {
    lostReportAnswers: notes(),
    endpointsLeftOut: notes(),
    reportsLeftOut: notes(),
    forget({ id }) {
      for (const kept of all) kept.delete(id)
    },
  }
}
