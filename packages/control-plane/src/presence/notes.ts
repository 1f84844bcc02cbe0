import type { Fleet, NodeRecord } from '../mesh/fleet.ts'

/** Remembers something about each node between requests, in memory only; at most one note per node. */
export interface Notes<Note> {
  of(nodeId: string): Note | undefined
  /** Undefined deletes the note. Ignored for a removed node, whose last request may still be in progress. */
  put(nodeId: string, note: Note | undefined): void
  /** The number of nodes with a note. */
  count(): number
}

/** What a node was not told, or what was not stored for it. */
export interface NodeNotes {
  /** Digest of a stored report batch whose answer was not delivered. */
  readonly lostReportAnswers: Notes<string>
  /** The part of its last endpoint report that was refused, because no peer could reach it. */
  readonly endpointsLeftOut: Notes<string>
  /** How many entries of its last batch were not stored for a Go node. */
  readonly reportsLeftOut: Notes<number>
  /** The version and checksum of its binary that were last judged. */
  readonly binaries: Notes<string>
  /** Call this when the node is removed. */
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
    binaries: notes(),
    forget({ id }) {
      for (const kept of all) kept.delete(id)
    },
  }
}
