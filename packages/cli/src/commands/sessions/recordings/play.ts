import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { formatDuration } from '@plexd/protocol'
import { type Clock, printable } from '@plexd/runtime'
import type { CastEvent } from './cast.ts'

export interface Pace {
  /** 2: twice as fast. */
  speed: number
  /** A longer pause takes this long. */
  idleLimitMs: number
}

/**
 * Shows a recording as it happened, or at once without a pace. Markers are lines of their own on `notes`. One that has nothing but
 * markers, as of copies and forwards, is a list of them, with their times.
 */
export async function playCast(events: AsyncIterable<CastEvent>, player: Player): Promise<void> {
  const { output, notes, clock, pace, signal } = player
  const isOutput = ({ code }: CastEvent): boolean => code === 'o'
  const { before, rest } = await readUntil(events, isOutput)
  if (!rest) return list(before, output)
  let beforeMs = 0
  for await (const { atMs, code, text } of rest) {
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

/** The events before the first that is wanted, and all of them, if there is one. */
async function readUntil(
  events: AsyncIterable<CastEvent>,
  isWanted: (event: CastEvent) => boolean,
): Promise<{ before: CastEvent[]; rest: AsyncIterable<CastEvent> | undefined }> {
  const before: CastEvent[] = []
  const iterator = events[Symbol.asyncIterator]()
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    before.push(next.value)
    if (isWanted(next.value)) return { before, rest: joined(before, iterator) }
  }
  return { before, rest: undefined }
}

async function* joined(
  before: readonly CastEvent[],
  iterator: AsyncIterator<CastEvent>,
): AsyncGenerator<CastEvent> {
  yield* before
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
}

function list(events: readonly CastEvent[], output: Writable): void {
  const markers = events.filter(({ code }) => code === 'm')
  for (const { atMs, text } of markers)
    output.write(`${formatDuration(atMs).padStart(12)}  ${printable(text)}\n`)
}

export interface Player {
  output: Writable
  notes: { write(text: string): unknown }
  clock: Clock
  /** Absent where nobody looks on. */
  pace?: Pace | undefined
  signal: AbortSignal
}
