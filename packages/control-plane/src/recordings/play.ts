import { setImmediate as turn } from 'node:timers/promises'
import { describeError } from '@plexd/runtime'
import { type CastReader, createCastReader } from './cast-reader.ts'
import { openChunk } from './open-chunk.ts'
import type { RecordingStore, StoredChunk } from './store.ts'

export interface PlayedRecording {
  session_id: string
  /** Milliseconds since 1970. */
  created_at: number
  /** How many chunks there should be, if the node has said so. */
  chunks: number | null
  /** In base64. Throws if there is none. */
  key(): string
}

/**
 * The recording as asciicast v2, piece by piece. All that can be authenticated is played, in its order; what is missing or damaged is a
 * marker where it would be, and is said once more at the end. Never rejects.
 */
export async function* playRecording(
  store: Pick<RecordingStore, 'next'>,
  recording: PlayedRecording,
): AsyncGenerator<string> {
  const { session_id, created_at } = recording
  const cast = createCastReader({ session_id, startedAtMs: created_at })
  const problems: string[] = []
  function* problem(text: string): Generator<string> {
    problems.push(text)
    yield cast.marker(text)
  }
  let expected = 0
  let isEnded = false
  try {
    const key = Buffer.from(recording.key(), 'base64')
    for await (const chunk of chunksOf(store, session_id)) {
      const { index } = chunk
      if (index > expected) yield* problem(`${rangeOf(expected, index - 1)} missing`)
      expected = index + 1
      const opened = openChunk(key, { session_id, ...chunk })
      const isWhole = opened !== undefined && (yield* playLines(cast, opened.text))
      if (!isWhole) yield* problem(`${rangeOf(index, index)} damaged`)
      isEnded = opened?.final ?? false
      if (isEnded) break
    }
    if (!isEnded) yield* problem(missingEnd(expected, recording.chunks))
  } catch (error) {
    yield* problem(`the rest cannot be read: ${describeError(error)}`)
  }
  if (problems.length > 0) yield cast.closing(summaryOf(problems))
}

/** Returns false if the text is none of a recording; others are served meanwhile, however much a node has packed into it. */
async function* playLines(cast: CastReader, text: string): AsyncGenerator<string, boolean> {
  try {
    for (const piece of cast.read(text)) {
      yield piece
      await turn()
    }
    return true
  } catch {
    return false
  }
}

async function* chunksOf(
  store: Pick<RecordingStore, 'next'>,
  sessionId: string,
): AsyncGenerator<StoredChunk> {
  for (let from = 0; ; ) {
    const chunk = await store.next(sessionId, from)
    if (!chunk) return
    yield chunk
    from = chunk.index + 1
  }
}

function rangeOf(first: number, last: number): string {
  return first === last ? `chunk ${first} is` : `chunks ${first} to ${last} are`
}

function missingEnd(received: number, chunks: number | null): string {
  const end =
    received === 0 ? 'nothing of it has come' : `what comes after chunk ${received - 1} is missing`
  const said = chunks === null || chunks <= received ? '' : ` (the node made ${chunks} chunks)`
  return `${end}${said}: the session is still open, or the node has not sent it`
}

/** A recording of many pieces has many problems; the first are told. */
const maxTold = 10

function summaryOf(problems: readonly string[]): string {
  const more = problems.length > maxTold ? `; and ${problems.length - maxTold} more` : ''
  return `this recording is not complete: ${problems.slice(0, maxTold).join('; ')}${more}`
}
