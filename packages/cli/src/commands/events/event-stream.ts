import { ApiError, formatDuration } from '@plexd/protocol'
import { CliError, createBackoff, describeError, exitCodes } from '@plexd/runtime'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Io } from '../../terminal/io.ts'

export interface FollowOptions {
  /** Opens the stream after an SSE id, or at its end. */
  open(after: string | undefined): Promise<AsyncIterable<Uint8Array>>
  after?: string
  signal: AbortSignal
  clock: Io['clock']
  /** Called with the reason why the stream ended; it will be reopened. */
  onRetry(text: string): void
}

/**
 * The data of each event of a stream, which is reopened after the last event whenever it ends. Ends when the
 * signal is aborted; throws if the first attempt fails, and if the control plane reports a permanent error.
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

/** Far larger than any event of a control plane. */
const maxBufferSize = 32 * 1024 * 1024

/** A block with an id and no data moves the cursor like an event. */
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
