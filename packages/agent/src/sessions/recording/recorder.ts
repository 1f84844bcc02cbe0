import { type Clock, systemClock } from '@plexd/runtime'
import { type EventCode, eventLine, headerLine } from './asciicast.ts'
import { createChannelText } from './channel-text.ts'
import { createChunkLines } from './chunk-lines.ts'
import { createChunkStore, rejected } from './chunk-store.ts'
import { type RecordingChunk, sealChunk } from './seal-chunk.ts'

/** Records one session. What it returns must be awaited before the same bytes are let through or more are read. */
export interface Recorder {
  /**
   * What the client is shown. Undefined if it may be shown at once; else resolves when enough of what came before is stored. Rejects when
   * nothing can be recorded any more.
   */
  output(channel: number, bytes: Uint8Array): Promise<void> | undefined
  /** What the client types; like `output`, and is not recorded unless that was asked for. */
  input(channel: number, bytes: Uint8Array): Promise<void> | undefined
  /** What these wait for, for who records what does not wait: sizes and markers. */
  room(): Promise<void> | undefined
  /** The size of the terminal, in characters. */
  resize(width: number, height: number): void
  /** What is not shown in the terminal, such as the command or a file that was copied. */
  marker(text: string): void
  /** Stores the rest. Resolves, whether that went well or not, to the number of chunks. */
  close(): Promise<number>
}

export interface RecorderOptions {
  session_id: string
  /** 32 bytes in base64. */
  key: string
  input: boolean
  width: number
  height: number
  /** What the chunks may take together; about, because the last of them may go past it. */
  limitBytes?: number
  /** Called in the order of the chunks, without waiting for the one before. Rejects if the chunk is lost. */
  store(chunk: RecordingChunk): Promise<void>
  /** Called once at most: nothing can be recorded any more, so the session has to end. The message says why. */
  onFailure?(error: Error): void
  clock?: Clock
}

/** Where a text of one event is cut: JSON may write a character as six. */
const maxEventChars = 16 * 1024

const maxMarkerChars = 1_024

export function createRecorder(options: RecorderOptions): Recorder {
  const { session_id, clock = systemClock } = options
  const key = Buffer.from(options.key, 'base64')
  const startMs = clock.monotonic()
  const chunks = createChunkStore(options)
  const lines = createChunkLines(clock, (text, index, final) =>
    chunks.add(sealChunk(key, { session_id, index, final }, text)),
  )
  const shown = createChannelText()
  const typed = createChannelText()
  let lastChannel: number | undefined
  let closing: Promise<number> | undefined

  lines.add(
    headerLine({
      width: options.width,
      height: options.height,
      startedAtMs: clock.now(),
      title: session_id,
    }),
  )

  function event(code: EventCode, text: string): void {
    const atMs = clock.monotonic() - startMs
    for (const piece of piecesOf(text)) lines.add(eventLine(atMs, code, piece))
  }

  /** Several channels are in one recording: says which of them goes on. */
  function turnTo(channel: number): void {
    if (lastChannel !== undefined && lastChannel !== channel) event('m', `channel ${channel}`)
    lastChannel = channel
  }

  function record(code: 'o' | 'i', channel: number, text: string): Promise<void> | undefined {
    const why = closing ? ended() : chunks.failure()
    if (why) return rejected(why)
    if (text !== '') {
      turnTo(channel)
      event(code, text)
    }
    return chunks.room()
  }

  function note(code: 'r' | 'm', text: string): void {
    if (!closing && !chunks.failure()) event(code, text)
  }

  function endTexts(): void {
    for (const text of shown.end()) event('o', text)
    for (const text of typed.end()) event('i', text)
  }

  async function close(): Promise<number> {
    endTexts()
    const why = chunks.failure()
    if (why) event('m', `the recording ends here: ${why.message}`)
    lines.end()
    await chunks.settled()
    return lines.count()
  }

  return {
    output: (channel, bytes) => record('o', channel, shown.take(channel, bytes)),
    input(channel, bytes) {
      if (options.input) return record('i', channel, typed.take(channel, bytes))
      return closing ? rejected(ended()) : chunks.room()
    },
    room: chunks.room,
    resize: (width, height) => note('r', `${width}x${height}`),
    marker: (text) => note('m', text.slice(0, maxMarkerChars)),
    close() {
      closing ??= close()
      return closing
    },
  }
}

function ended(): Error {
  return new Error('the recording has ended')
}

/** Cuts no character in two. */
function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = at + maxEventChars
    const isCut = end < text.length && isHighSurrogate(text.charCodeAt(end - 1))
    const piece = text.slice(at, isCut ? end - 1 : end)
    yield piece
    at += piece.length
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
