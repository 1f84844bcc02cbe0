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
  blocks: EventBlocks
}

/** As our agent: it gives up a handshake, and a stream without a byte. */
const connectMs = 15_000
const idleMs = 90_000

/** An event stream that takes hardly more memory than its TLS connection. */
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
    const socket = connect(options.address, options.seed)
    this.#socket = socket
    const reader = new AnswerReader(this)
    socket.setTimeout(connectMs, () => socket.destroy())
    socket.once('secureConnect', () => {
      socket.setTimeout(idleMs)
      socket.write(requestOf(options))
    })
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
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

  /** Stops reading, like a machine that hangs: what the server sends fills the kernel's buffers. */
  pause(): void {
    this.#socket.setTimeout(0).pause()
  }

  resume(): void {
    this.#socket.setTimeout(idleMs).resume()
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
