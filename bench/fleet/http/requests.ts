import type { TLSSocket } from 'node:tls'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import { type Address, connect } from './connection.ts'

export interface Request {
  method: string
  path: string
  token?: string
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
}

/** Status 0 stands for no answer. `ms` includes the wait for a connection. */
export interface Answer {
  status: number
  etag: string | undefined
  body: Buffer
  ms: number
}

interface Job {
  request: Request
  startMs: number
  resolve: (answer: Answer) => void
}

/** Requests over a few connections that stay open, one at a time on each. */
export interface Requests extends Disposable {
  send(request: Request): Promise<Answer>
}

export function createRequests(address: Address, connections: number): Requests {
  const waiting: Job[] = []
  const idle: Line[] = []
  const lines = new Set<Line>()

  function next(line: Line): void {
    const job = waiting.shift()
    if (job) line.start(job)
    else idle.push(line)
  }

  function closed(line: Line): void {
    lines.delete(line)
    const at = idle.indexOf(line)
    if (at !== -1) idle.splice(at, 1)
    const job = waiting.shift()
    if (job) open().start(job)
  }

  function open(): Line {
    const line = new Line(connect(address, lines.size), { next, closed })
    lines.add(line)
    return line
  }

  return {
    send(request) {
      return new Promise((resolve) => {
        const job = { request, startMs: performance.now(), resolve }
        const line = idle.pop() ?? (lines.size < connections ? open() : undefined)
        if (line) line.start(job)
        else waiting.push(job)
      })
    },
    [Symbol.dispose]() {
      for (const line of lines) line.close()
    },
  }
}

/** One connection. */
class Line implements AnswerSink {
  readonly #socket: TLSSocket
  readonly #next: (line: Line) => void
  #job: Job | undefined
  #answer: Omit<Answer, 'body' | 'ms'> = none
  #pieces: Buffer[] = []

  constructor(
    socket: TLSSocket,
    { next, closed }: { next: (line: Line) => void; closed: (line: Line) => void },
  ) {
    this.#socket = socket
    this.#next = next
    const reader = new AnswerReader(this)
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    socket.on('error', () => socket.destroy())
    socket.on('timeout', () => socket.destroy())
    socket.on('close', () => {
      this.#settle({ ...none, body: Buffer.alloc(0) })
      closed(this)
    })
  }

  start(job: Job): void {
    this.#job = job
    this.#socket.setTimeout(answerMs)
    const { body = '' } = job.request
    const head = headOf(job.request)
    // A text goes out with the head in one TLS record, as from our agent.
    this.#socket.write(typeof body === 'string' ? head + body : head)
    if (typeof body !== 'string') this.#socket.write(body)
  }

  close(): void {
    this.#socket.destroy()
  }

  head(status: number, header: (name: string) => string | undefined): void {
    this.#answer = { status, etag: header('etag') }
    this.#pieces = []
  }

  body(bytes: Buffer): void {
    this.#pieces.push(bytes)
  }

  end(): void {
    const [first = Buffer.alloc(0), ...more] = this.#pieces
    this.#pieces = []
    this.#settle({
      ...this.#answer,
      body: more.length === 0 ? first : Buffer.concat([first, ...more]),
    })
    this.#next(this)
  }

  #settle(answer: Omit<Answer, 'ms'>): void {
    const job = this.#job
    this.#job = undefined
    this.#socket.setTimeout(0)
    job?.resolve({ ...answer, ms: performance.now() - job.startMs })
  }
}

/** As our agent: it gives up a request without an answer. */
const answerMs = 30_000
const none = { status: 0, etag: undefined }

function headOf({ method, path, token, headers = {}, body }: Request): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: bench',
    `user-agent: ${userAgent}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(typeof body === 'string' ? ['content-type: application/json'] : []),
    ...(body === undefined && method === 'GET' ? [] : [`content-length: ${lengthOf(body)}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

function lengthOf(body: string | Uint8Array | undefined): number {
  return body === undefined ? 0 : Buffer.byteLength(body)
}

export const userAgent = 'plexd-bench/1'
