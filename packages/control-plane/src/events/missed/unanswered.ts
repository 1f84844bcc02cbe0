import type { UnansweredEvent } from '../../rows/log/events.ts'

/** What a node was asked and has not answered, oldest first. */
export type Unanswered = (nodeId: string) => Promise<readonly UnansweredEvent[]>

/** Of one read. */
const maxNodes = 256

/**
 * Reads it for many nodes at once: after a control plane has ended all come again together, and those that come while one
 * read is under way share the next.
 */
export function createUnanswered(
  read: (nodeIds: readonly string[]) => Promise<UnansweredEvent[]>,
): Unanswered {
  const waiting = new Map<string, PromiseWithResolvers<readonly UnansweredEvent[]>>()
  let isReading = false

  async function readAll(): Promise<void> {
    isReading = true
    while (waiting.size > 0) await readSome()
    isReading = false
  }

  async function readSome(): Promise<void> {
    const some = [...waiting].slice(0, maxNodes)
    for (const [nodeId] of some) waiting.delete(nodeId)
    const events = read(some.map(([nodeId]) => nodeId))
    const byNode = events.then((all) => Map.groupBy(all, ({ node_id }) => node_id))
    for (const [nodeId, { resolve }] of some)
      resolve(byNode.then((found) => found.get(nodeId) ?? []))
    await byNode.catch(() => {}) // each of them is told
  }

  return (nodeId) => {
    const asked = waiting.getOrInsertComputed(nodeId, () => Promise.withResolvers())
    if (!isReading) void readAll()
    return asked.promise
  }
}
