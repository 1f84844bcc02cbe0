import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { truncateOutput } from './truncate.ts'

/** What a program writes, of which the beginning is kept and the rest is read and discarded, so that it never waits. */
export interface KeptOutput {
  /** Resolves when no process has the other end any more. */
  readonly closed: Promise<void>
  /** Bytes that are no UTF-8 are replaced. At most `maxBytes`, with a note if there was more. */
  text(): string
  /** Ends reading. */
  close(): void
}

export function keepOutput(stream: Readable, maxBytes: number): KeptOutput {
  const kept = Buffer.allocUnsafe(maxBytes + 1) // one more tells that there was more
  let keptBytes = 0
  stream.on('data', (chunk: Buffer) => {
    keptBytes += chunk.copy(kept, keptBytes)
  })
  stream.on('error', () => {}) // it is closed next
  return {
    closed: once(stream, 'close').then(() => {}),
    text: () => truncateOutput(kept.toString('utf8', 0, keptBytes), maxBytes),
    close: () => void stream.destroy(),
  }
}
