import http from 'node:http'
import { type EventType, parseEnvelope, revisionHeader, type UnsignedEvent } from '@plexd/protocol'
import { type Block, createBlockReader } from '@plexd/runtime/testing'

/** A block of a stream: its `id:` line, if it has one, and its envelope. */
export interface ReceivedBlock {
  id: string | undefined
  event: string
  data: string
  envelope: UnsignedEvent & { signature: string }
  payload: Record<string, unknown>
}

/** An event id without the mark of a cursor that is no revision. */
export function placeOf(id = ''): string {
  return id.replace(/-c$/, '')
}

/** An event stream as a node reads it. */
export interface EventReader extends AsyncDisposable {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly blocks: readonly ReceivedBlock[]
  readonly comments: readonly string[]
  /** Bytes of the longest line. */
  longestLine(): number
  /** The next block that was not asked for yet, of a type if one is given; rejects after 20 s or when the stream ends. */
  next(type?: EventType): Promise<ReceivedBlock>
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>
  pause(): void
  resume(): void
}

export async function openEventReader(
  url: string,
  {
    token,
    nodeId,
    lastEventId,
    revision,
  }: { token: string; nodeId: string; lastEventId?: string; revision?: string },
): Promise<EventReader> {
  const agent = new http.Agent()
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .get(
        `${url}/v1/nodes/${encodeURIComponent(nodeId)}/events`,
        {
          agent,
          headers: {
            accept: 'text/event-stream',
            authorization: `Bearer ${token}`,
            ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
            ...(revision === undefined ? {} : { [revisionHeader]: revision }),
          },
        },
        resolve,
      )
      .on('error', reject)
  })
  const blocks: ReceivedBlock[] = []
  const lines = createBlockReader()
  const waiting: (() => void)[] = []
  let closed = false
  let taken = 0
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    blocks.push(...lines.push(text).map(received))
    wake()
  })
  response.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    response.on('close', () => {
      closed = true
      wake()
      resolve()
    })
  })

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    blocks,
    comments: lines.comments,
    longestLine: lines.longestLine,
    ended,
    pause: () => response.pause(),
    resume: () => response.resume(),
    async next(type) {
      const deadline = AbortSignal.timeout(20_000)
      for (;;) {
        const found = blocks.findIndex(
          ({ envelope }, index) => index >= taken && (!type || envelope.event_type === type),
        )
        if (found >= 0) {
          taken = found + 1
          return blocks[found] as ReceivedBlock // found above
        }
        if (closed) throw new Error(`wait for event "${type ?? 'any'}": the stream has ended`)
        if (deadline.aborted) throw new Error(`wait for event "${type ?? 'any'}": none came`)
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          deadline.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
    async [Symbol.asyncDispose]() {
      response.destroy()
      agent.destroy()
      await ended
    },
  }
}

function received({ id, event, data }: Block): ReceivedBlock {
  const envelope = parseEnvelope(data)
  const payload = JSON.parse(envelope.payload) as Record<string, unknown> // every payload is an object
  return { id: id || undefined, event, data, envelope, payload }
}
