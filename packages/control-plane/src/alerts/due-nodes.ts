import type { Follower } from '../log/log.ts'
import type { Fleet } from '../mesh/fleet.ts'
import type { ArrivedBatch } from '../telemetry/store.ts'

/** Which nodes may be judged otherwise than the last time, so that what stays as it is costs nothing. In memory. */
export interface DueNodes {
  follow: Follower
  followRecords(batch: ArrivedBatch): void
  add(nodeIds: Iterable<string>): void
  /** Those whose liveness has changed, and those that are gone. */
  takeUrgent(): string[]
  /** These too, and those that have sent something or were changed. */
  takeAll(): Set<string>
}

/** At first all nodes are due. */
export function createDueNodes(fleet: Pick<Fleet, 'allNodes'>): DueNodes {
  const statuses = new Map(Array.from(fleet.allNodes(), ({ id, status }) => [id, status]))
  const changed = new Set(statuses.keys())
  const urgent = new Set<string>()

  return {
    follow({ changes }) {
      for (const change of changes) {
        if (change.type === 'node_put') {
          const { id, status } = change.node
          if (statuses.get(id) !== status) urgent.add(id)
          statuses.set(id, status)
          changed.add(id)
        }
        if (change.type === 'node_removed') {
          urgent.add(change.node.id)
          statuses.delete(change.node.id)
        }
      }
    },
    followRecords({ kind, source }) {
      if (kind !== 'logs' && kind !== 'audit') changed.add(source.node_id)
    },
    add(nodeIds) {
      for (const id of nodeIds) changed.add(id)
    },
    takeUrgent() {
      const ids = [...urgent]
      urgent.clear()
      return ids
    },
    takeAll() {
      const ids = changed.union(urgent)
      changed.clear()
      urgent.clear()
      return ids
    },
  }
}
