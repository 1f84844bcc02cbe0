/** The chunks of recordings, apart from the state as telemetry is: they are many, and only kept for a while. */
export interface RecordingStore extends AsyncDisposable {
  /** Resolves once the chunk is on the disk, or it is known why it is not taken. */
  put(chunk: SentChunk, limits: { maxBytes: number }): Promise<PutResult>
  /** The first chunk of a recording at this index or behind it. */
  next(sessionId: string, from: number): Promise<StoredChunk | undefined>
  /** All recordings, the oldest first. */
  holdings(): Promise<Holding[]>
  remove(sessionIds: readonly string[]): Promise<void>
}

export interface SentChunk {
  session_id: string
  node_id: string
  index: number
  /** As in recording.ts of the protocol. */
  bytes: Uint8Array
}

export interface StoredChunk {
  index: number
  bytes: Uint8Array
}

/**
 * `kept`: it was, or is now. `different`: there is another one at this index. `beyond`: it is behind the last one, or calls itself the last
 * before others. `full`: the recording would be larger than it may be.
 */
export interface PutResult {
  outcome: 'kept' | 'different' | 'beyond' | 'full'
  /** Whether all chunks are here, up to the one that the node calls the last. */
  isComplete: boolean
}

/** What is kept of a recording. */
export interface Holding {
  session_id: string
  node_id: string
  bytes: number
  started_at: number
}

/** Which recordings have to go so that all together stay within this: the oldest of the node that has most, so that no node drives out those of others. Pure. */
export function excessOf(holdings: readonly Holding[], maxBytes: number): string[] {
  const ofNode = Map.groupBy(holdings, ({ node_id }) => node_id)
  const bytesOf = new Map([...ofNode].map(([id, all]) => [id, sum(all)]))
  let total = sum(holdings)
  const gone: string[] = []
  while (total > maxBytes) {
    const [most = ''] = [...bytesOf].reduce((a, b) => (b[1] > a[1] ? b : a))
    const oldest = ofNode.get(most)?.shift()
    if (!oldest) break
    gone.push(oldest.session_id)
    total -= oldest.bytes
    bytesOf.set(most, (bytesOf.get(most) ?? 0) - oldest.bytes)
  }
  return gone
}

function sum(holdings: readonly Holding[]): number {
  return holdings.reduce((bytes, holding) => bytes + holding.bytes, 0)
}
