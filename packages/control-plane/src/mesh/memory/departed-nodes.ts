import { type Departed, departedMs, type NodeRecord } from '../fleet.ts'
import { tokenHashesOf } from './node-index.ts'

/** Nodes that were removed within the last `departedMs`, by their tokens. */
export function createDepartedNodes() {
  const departed = new Map<string, Departed>()
  return {
    byTokenHash: (hash: string) => departed.get(hash),
    remember(gone: Departed): void {
      for (const [hash, { removed_at }] of departed) {
        // In order of removal, so the first recent one ends the sweep.
        if (removed_at > gone.removed_at - departedMs) break
        departed.delete(hash)
      }
      for (const hash of tokenHashesOf(gone.node)) departed.set(hash, gone)
    },
    /** It is back. */
    forget(node: NodeRecord): void {
      for (const hash of tokenHashesOf(node)) departed.delete(hash)
    },
  }
}
