import type { Outgoing, OutgoingPoint } from './outgoing.ts'

/** Divides records into those of one request each. */
export type Divide = (records: readonly Outgoing<unknown>[]) => Outgoing<unknown>[][]

/** Targets take some MiB; an OpenTelemetry Collector and Loki 4 by default. */
const maxPartBytes = 1024 ** 2

/** A larger record has a part for itself. */
export const bySize: Divide = (records) => {
  const parts: Outgoing<unknown>[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const record of records) {
    bytes += record.bytes
    if (bytes > maxPartBytes) {
      parts.push([])
      bytes = record.bytes
    }
    parts.at(-1)?.push(record)
  }
  return parts
}

/** Prometheus takes nothing that is an hour older than what is newest (half of the range of its head). */
const oldMs = 30 * 60_000
/** Nor what is ten minutes ahead of its own clock. */
const aheadMs = 5 * 60_000

/**
 * For Prometheus, which refuses a request as a whole for one sample that is late: what may be so goes in a request of its node. That is
 * what is older than something that its node had sent, or much older than what others have sent, what is ahead of its arrival, and all of a node of
 * which nothing is known.
 */
export function createDivideByOrder(): Divide {
  const newestOf = new Map<string, number>()
  let newestMs = 0
  let sizeAfterForgetting = 0

  /** Of what is that old, it makes no difference when exactly it was: so those that are gone are forgotten. */
  function forgetOld(): void {
    if (newestOf.size < 2 * sizeAfterForgetting + 1_000) return
    for (const [nodeId, atMs] of newestOf) if (atMs <= newestMs - oldMs) newestOf.delete(nodeId)
    sizeAfterForgetting = newestOf.size
  }

  return (records) => {
    const inOrder: OutgoingPoint[] = []
    const alone = new Map<string, OutgoingPoint[]>()
    for (const point of records as OutgoingPoint[]) {
      const { received_at, origin } = point
      const { node_id } = origin
      const atMs = Date.parse(point.record.timestamp)
      const before = newestOf.get(node_id) ?? Number.POSITIVE_INFINITY
      const isInTime = atMs >= before && atMs > newestMs - oldMs
      const isAhead = atMs > received_at + aheadMs
      if (isInTime && !isAhead && !alone.has(node_id)) inOrder.push(point)
      else alone.getOrInsertComputed(node_id, () => []).push(point)
      if (isAhead || Number.isNaN(atMs)) continue
      if (before === Number.POSITIVE_INFINITY || atMs > before) newestOf.set(node_id, atMs)
      newestMs = Math.max(newestMs, atMs)
    }
    forgetOld()
    return [inOrder, ...alone.values()].flatMap(bySize)
  }
}
