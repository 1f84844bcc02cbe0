import type { App } from '../app.ts'
import { writeLastSeen } from '../rows/fleet/node-lookups.ts'

/** Nodes in one transaction; more would hold up what else is to be written. */
const chunk = 200

/** Writes down when nodes were last heard of: for operators, so a crash may lose the last half minute of it. */
export async function saveLastSeen({ store, presence }: App): Promise<void> {
  const unsaved = [...presence.takeUnsaved()]
  while (unsaved.length > 0) {
    const some = unsaved.splice(0, chunk)
    try {
      await store.write(async (tx) => {
        for (const [no, atMs] of some) await writeLastSeen(tx, no, atMs)
      })
    } catch (error) {
      presence.giveBack(new Map([...some, ...unsaved]))
      throw error
    }
  }
}
