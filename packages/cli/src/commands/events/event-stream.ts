import { ApiError, formatDuration } from '@plexd/protocol'
import { CliError, createBackoff, describeError, exitCodes } from '@plexd/runtime'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Io } from '../../terminal/io.ts'

export interface FollowOptions {
  /** Opens the stream behind an SSE id, or at its end. */
  open(after: string | undefined): Promise<AsyncIterable<Uint8Array>>
  after?: string
  signal: AbortSignal
  clock: Io['clock']
  /** Told why the stream ended, and that it will be opened again. */
  onRetry(text: string): void
}

/**
 * The data of each event of a stream, which is opened again behind the last one whenever it ends. Ends when the
 * signal is aborted; throws when the first attempt fails, and when the control plane says that no attempt will do.
 */
export async function* followEvents(options: FollowOptions): AsyncGenerator<string> {
  const { open, signal, clock, onRetry } = options
  const backoff = createBackoff({ minMs: 1_000, maxMs: 10_000 })
  let last = options.after
  let everOpened = false
  while (!signal.aborted) {
    let why = 'the control plane closed it'
    try {
      const body = await open(last)
      everOpened = true
      backoff.reset()
      for await (const event of parseEvents(body, (id) => {
        last = id
      }))
        yield event.data
    } catch (error) {
      if (signal.aborted) return
      if (!everOpened || isFinal(error)) throw error
      why = isCut(error) ? 'the connection was cut' : describeError(error)
    }
    if (signal.aborted) return
    const delayMs = Math.round(backoff.nextMs() / 100) * 100
    onRetry(`event stream ended: ${why}; trying again in ${formatDuration(delayMs)}`)
    await clock.sleep(delayMs, signal).catch(() => {}) // aborted: the loop sees it
  }
}

/** Far above the largest event that a control plane sends. */
const maxBufferSize = 32 * 1024 * 1024

/** A block with an id and no data moves the place from which to go on, as much as an event does. */
async function* parseEvents(
  body: AsyncIterable<Uint8Array>,
  onId: (id: string) => void,
): AsyncGenerator<EventSourceMessage> {
  let ready: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => ready.push(event), onId, maxBufferSize })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    yield* ready
    ready = []
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof CliError) return error.exitCode !== exitCodes.unreachable
  return error instanceof ApiError && error.status < 500 && error.status !== 429
}

function isCut(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}
