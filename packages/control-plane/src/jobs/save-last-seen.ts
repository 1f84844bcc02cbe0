import type { NodeMemory, State } from '../app.ts'
import { writeLastSeen } from '../rows/fleet/node-lookups.ts'

/** Nodes per transaction; more would delay other writes. */
const chunk = 200

/** Saves when nodes were last seen. It is for display only, so a crash may lose the last half minute. */
export async function saveLastSeen({ store, presence }: State & NodeMemory): Promise<void> {
  const unsaved = [...presence.takeUnsaved()]
  while (unsaved.length > 0) {
    const some = unsaved.splice(0, chunk)
    try {
      await store.write((tx) => writeLastSeen(tx, new Map(some)))
    } catch (error) {
      presence.giveBack(new Map([...some, ...unsaved]))
      throw error
    }
  }
}
