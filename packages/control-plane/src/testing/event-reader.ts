import http from 'node:http'
import { type EventType, parseEnvelope, revisionHeader, type UnsignedEvent } from '@plexd/protocol'

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
  /** The next block that was not asked for yet, of a type if one is given; rejects after 5 s or when the stream ends. */
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
  const comments: string[] = []
  const waiting: (() => void)[] = []
  let closed = false
  let taken = 0
  let longest = 0
  let rest = ''
  let block: { id?: string; event?: string; data: string[] } = { data: [] }

  function readLine(line: string): void {
    longest = Math.max(longest, Buffer.byteLength(line))
    if (line === '') {
      if (block.data.length > 0) blocks.push(received(block))
      block = { data: [] }
    } else if (line.startsWith(':')) {
      comments.push(line.slice(1).trim())
    } else {
      const [, field, value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
      if (field === 'data') block.data.push(value)
      else if (field === 'id') block.id = value
      else if (field === 'event') block.event = value
    }
  }
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) readLine(line)
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
    comments,
    longestLine: () => longest,
    ended,
    pause: () => response.pause(),
    resume: () => response.resume(),
    async next(type) {
      const deadline = AbortSignal.timeout(5_000)
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

function received({ id, event = '', data }: { id?: string; event?: string; data: string[] }) {
  const text = data.join('\n')
  const envelope = parseEnvelope(text)
  const payload = JSON.parse(envelope.payload) as Record<string, unknown> // every payload is an object
  return { id, event, data: text, envelope, payload }
}
