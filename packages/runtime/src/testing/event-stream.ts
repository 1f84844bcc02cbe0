import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { readCa } from '../net/trust.ts'
import { type Block, type BlockReader, createBlockReader } from './block-reader.ts'

/** An answer to a request for the event stream: 200 and blocks, or another status and a body. */
export interface EventStream extends Disposable {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Of an answer that is no stream. */
  readonly body: string
  readonly reader: BlockReader
  /** All that have come, in order, whether asked for or not. */
  readonly blocks: readonly Block[]
  /** The next block; undefined once the stream has ended. Rejects after `timeoutMs`, without losing a block. */
  next(timeoutMs?: number): Promise<Block | undefined>
  /** The next block of this type; those before it are dropped. */
  find(type: string, timeoutMs?: number): Promise<Block>
  readonly ended: Promise<void>
  pause(): void
  resume(): void
}

export interface EventStreamOptions {
  /** `https://host:port`, or `http://host:port`. */
  url: string
  /** For https. */
  caFile?: string
  path: string
  token?: string
  lastEventId?: string
  userAgent?: string
  headers?: Readonly<Record<string, string>>
}

/** Resolves when the status has come; rejects when no answer comes. */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { response, destroy } = await connect(options)
  const isStream = response.statusCode === 200
  const reader = createBlockReader()
  const queue = createQueue()
  let body = ''
  response.setEncoding('utf8').on('data', (text: string) => {
    if (!isStream) body += text
    else for (const block of reader.push(text)) queue.push(block)
  })
  const ended = new Promise<void>((resolve) => response.on('close', resolve)).then(queue.end)
  if (!isStream) await ended

  async function find(type: string, timeoutMs = 20_000): Promise<Block> {
    const seen: string[] = []
    const deadline = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const block = await queue.next(deadline)
      if (block?.event === type) return block
      if (!block) throw new Error(`wait for event "${type}": saw ${seen.join(', ') || 'none'}`)
      seen.push(block.event)
    }
  }

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    reader,
    blocks: queue.blocks,
    next: (timeoutMs = 20_000) => queue.next(AbortSignal.timeout(timeoutMs)),
    find,
    ended,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    [Symbol.dispose]: destroy,
  }
}

function connect({
  url,
  caFile,
  path,
  token,
  lastEventId,
  userAgent = 'plexd-test',
  headers,
}: EventStreamOptions): Promise<{ response: IncomingMessage; destroy: () => void }> {
  const options = {
    agent: false,
    headers: {
      accept: 'text/event-stream',
      'cache-control': 'no-cache',
      'user-agent': userAgent,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      ...headers,
    },
  }
  return new Promise((resolve, reject) => {
    const request =
      caFile === undefined
        ? http.get(url + path, options)
        : https.get(url + path, { ...options, ca: readCa(caFile) })
    request.on('error', reject).on('response', (response) => {
      // A connection that breaks is an end like any other.
      response.on('error', () => undefined)
      resolve({ response, destroy: () => request.destroy() })
    })
  })
}

/** Blocks in the order they came, each given out once. One asks at a time. */
function createQueue() {
  const blocks: Block[] = []
  let taken = 0
  let over = false
  let wake = (): void => undefined
  return {
    blocks,
    push(block: Block) {
      blocks.push(block)
      wake()
    },
    end() {
      over = true
      wake()
    },
    async next(deadline: AbortSignal): Promise<Block | undefined> {
      while (blocks.length === taken && !over) {
        const woken = Promise.withResolvers<void>()
        wake = woken.resolve
        deadline.addEventListener('abort', () => woken.reject(deadline.reason), { once: true })
        await woken.promise
      }
      return blocks[taken] && blocks[taken++]
    },
  }
}
