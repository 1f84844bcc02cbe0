import type { Streams } from '../events/streams.ts'
import type { Follower } from '../log/log.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import type { Instances } from '../presence/instances.ts'
import type { NodeNotes } from '../presence/notes.ts'
import type { Presence } from '../presence/presence.ts'
import type { Latest } from '../telemetry/latest/latest.ts'

/** Creates and deletes the in-memory state of nodes as they come and go. `fleet` is still as before the commit. */
export function followNodes({
  fleet,
  presence,
  streams,
  instances,
  notes,
  latest,
}: {
  fleet: Fleet
  presence: Presence
  streams: Streams
  instances: Instances
  notes: NodeNotes
  latest: Pick<Latest, 'forget'>
}): Follower {
  function put(node: NodeRecord): void {
    const before = fleet.node(node.id)
    if (!before) presence.expect(node.no, null)
    else if (losesStream(before, node)) streams.end(node.no)
  }

  function remove(node: NodeRecord): void {
    const { no } = node
    streams.end(no)
    presence.forget(no)
    instances.forget(no)
    notes.forget(node)
    latest.forget(node.id)
  }

  return ({ changes }) => {
    for (const change of changes) {
      if (change.type === 'node_put') put(change.node)
      if (change.type === 'node_removed') remove(change.node)
    }
  }
}

/** The stream was opened with a token that is now invalid, or its other end has probably vanished. */
function losesStream(before: NodeRecord, after: NodeRecord): boolean {
  return (
    before.token_hash !== after.token_hash ||
    (before.status !== 'offline' && after.status === 'offline')
  )
}
