import type { TLSSocket } from 'node:tls'
import { revisionHeader } from '@plexd/protocol'
import { AnswerReader, type AnswerSink } from '../http/answer-reader.ts'
import { type Address, connect } from '../http/connection.ts'
import { userAgent } from '../http/requests.ts'
import type { EventBlocks, SeenEvent } from './event-blocks.ts'

export interface StreamListener {
  opened(): void
  event(event: SeenEvent): void
  /** Status 200 for a stream that ended after it was open, 0 when no answer came. */
  ended(status: number, retryAfter: string | undefined): void
  /** For the next connection. */
  session(session: Buffer): void
}

export interface StreamOptions {
  address: Address
  seed: number
  path: string
  token: string
  /** Empty for none. */
  lastEventId: string
  /** Empty for none. */
  revision: string
  session?: Buffer | undefined
  blocks: EventBlocks
}

/** An open event stream, with as little in memory as a TLS connection allows. */
export class EventStream implements AnswerSink {
  readonly #socket: TLSSocket
  readonly #listener: StreamListener
  readonly #blocks: EventBlocks
  #status = 0
  #retryAfter: string | undefined
  #rest = ''

  constructor(options: StreamOptions, listener: StreamListener) {
    this.#listener = listener
    this.#blocks = options.blocks
    const socket = connect(options.address, options.seed, options.session)
    this.#socket = socket
    const reader = new AnswerReader(this)
    socket.once('secureConnect', () => socket.write(requestOf(options)))
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    socket.on('session', (session: Buffer) => listener.session(session))
    socket.on('error', () => socket.destroy())
    socket.once('close', () => listener.ended(this.#status, this.#retryAfter))
  }

  head(status: number, header: (name: string) => string | undefined): void {
    this.#status = status
    this.#retryAfter = header('retry-after')
    if (status === 200) this.#listener.opened()
  }

  body(bytes: Buffer): void {
    if (this.#status !== 200) return
    const { events, rest } = this.#blocks.read(bytes, this.#rest)
    this.#rest = rest
    for (const event of events) this.#listener.event(event)
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Stops reading, as a machine does that hangs; what the other side sends fills the buffers of the kernel. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

function requestOf({ path, token, lastEventId, revision }: StreamOptions): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'host: bench',
    `user-agent: ${userAgent}`,
    'accept: text/event-stream',
    'cache-control: no-cache',
    `authorization: Bearer ${token}`,
    ...(lastEventId === '' ? [] : [`last-event-id: ${lastEventId}`]),
    ...(revision === '' ? [] : [`${revisionHeader}: ${revision}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
