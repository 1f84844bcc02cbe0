import { isDeepStrictEqual } from 'node:util'
import type { Heeded } from '@plexd/protocol'
import { printable } from '@plexd/runtime'
import type { NodeBudget } from '../access/node-budgets.ts'
import type { Follower } from '../log/log.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { deleteHeedsOfGone, readHeeds, writeHeed } from '../rows/node-heeds.ts'
import type { Store } from '../store/db.ts'

/** What each node has made of what it was told of the control plane; on the disk, for those that are away when it matters. */
export interface Heeds {
  of(nodeId: string): Heeded | undefined
  /** Resolves when it is on the disk, which it is already unless the node says something new. */
  note(node: NodeRecord, said: Heeded | undefined, budget: Budget): Promise<void>
  /** Forgets nodes that are removed. */
  follow: Follower
}

/** Heartbeats are not limited, but what they write is. */
type Budget = Pick<NodeBudget, 'isSpent' | 'charge'>

export async function openHeeds(
  store: Store,
  { fleet, now }: { fleet: Pick<Fleet, 'node'>; now: () => number },
): Promise<Heeds> {
  await store.write(deleteHeedsOfGone)
  const heeds = new Map<string, Heeded>(await readHeeds(store.reader))
  return {
    of: (nodeId) => (fleet.node(nodeId) ? heeds.get(nodeId) : undefined),
    async note({ id }, said, budget) {
      if (!said) return
      const heeded = bounded(said)
      if (isDeepStrictEqual(heeds.get(id), heeded) || budget.isSpent(id)) return
      budget.charge(id, { records: 1 })
      await store.write((tx) => writeHeed(tx, { node_id: id, heeded, at: now() }))
      heeds.set(id, heeded)
    },
    follow({ changes }) {
      for (const change of changes) if (change.type === 'node_removed') heeds.delete(change.node.id)
    },
  }
}

const maxAuthorities = 16
const maxChars = 512

/** Untrusted, and shown to people. */
function bounded({ url, announcement, authorities, problem }: Heeded): Heeded {
  const bound = (text: string): string => printable(text.slice(0, maxChars))
  return {
    url: bound(url),
    announcement,
    authorities: authorities.slice(0, maxAuthorities).map(bound),
    problem: bound(problem),
  }
}
