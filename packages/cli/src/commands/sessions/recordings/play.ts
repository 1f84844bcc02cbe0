import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { type Clock, printable } from '@plexd/runtime'
import type { CastEvent } from './cast.ts'

export interface Pace {
  /** 2: twice as fast. */
  speed: number
  /** A longer pause takes this long. */
  idleLimitMs: number
}

/** Shows a recording as it happened, or at once without a pace. Markers are lines of their own on `notes`. */
export async function playCast(
  events: AsyncIterable<CastEvent>,
  { output, notes, clock, pace, signal }: Player,
): Promise<void> {
  let beforeMs = 0
  for await (const { atMs, code, text } of events) {
    if (pace) {
      const pauseMs = Math.min(atMs - beforeMs, pace.idleLimitMs) / pace.speed
      if (pauseMs > 0) await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
    beforeMs = Math.max(beforeMs, atMs)
    if (signal.aborted) return
    if (code === 'm') notes.write(`${printable(text)}\n`)
    if (code === 'o' && !output.write(text)) await once(output, 'drain')
  }
}

export interface Player {
  output: Writable
  notes: { write(text: string): unknown }
  clock: Clock
  /** Absent where nobody looks on. */
  pace?: Pace | undefined
  signal: AbortSignal
}
