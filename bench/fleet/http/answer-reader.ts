/** Receives the parts of the answers on a connection. `bytes` are only valid during the call. */
export interface AnswerSink {
  /** `header` gives the value of a header by its name in lower case. */
  head(status: number, header: (name: string) => string | undefined): void
  body(bytes: Buffer): void
  end(): void
}

/** What comes next on the connection. */
type Part = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'

/**
 * Parses the HTTP/1.1 answers on a connection, as far as our server needs it: a length or chunks, no trailers. It
 * keeps a few numbers per connection where `node:http` keeps ten objects, so that thousands fit into one process.
 */
export class AnswerReader {
  readonly #sink: AnswerSink
  #part: Part = 'head'
  #left = 0
  #rest: Buffer | undefined

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  /** Throws for anything but HTTP. */
  push(bytes: Buffer): void {
    const buffer = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes
    this.#rest = undefined
    let at = 0
    while (at < buffer.length) {
      const next = this.#step(buffer, at)
      if (next === undefined) {
        this.#rest = Buffer.from(buffer.subarray(at)) // a copy: the buffer is part of a large one
        return
      }
      at = next
    }
  }

  /** The offset of the next part; undefined while this one is incomplete. */
  #step(buffer: Buffer, at: number): number | undefined {
    switch (this.#part) {
      case 'head':
        return this.#head(buffer, at)
      case 'chunk-size':
        return this.#chunkSize(buffer, at)
      case 'chunk-end':
        return this.#skip(buffer, at, 'chunk-size')
      case 'trailer':
        return this.#skip(buffer, at, 'head')
      default:
        return this.#bytes(buffer, at)
    }
  }

  #head(buffer: Buffer, at: number): number | undefined {
    const end = buffer.indexOf('\r\n\r\n', at, 'latin1')
    if (end === -1) return undefined
    const text = buffer.toString('latin1', at, end)
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? []
    if (status === undefined) throw new Error(`read answer: "${text.slice(0, 40)}" is no HTTP/1.1`)
    const header = (name: string): string | undefined =>
      new RegExp(`^${name}: *(.*)$`, 'im').exec(text)?.[1]?.trim()
    this.#sink.head(Number(status), header)
    const length = header('content-length')
    if (length === undefined && header('transfer-encoding') === 'chunked') this.#part = 'chunk-size'
    else this.#expectBody(status === '304' ? 0 : Number(length ?? 0))
    return end + 4
  }

  #expectBody(bytes: number): void {
    this.#part = bytes === 0 ? 'head' : 'body'
    this.#left = bytes
    if (bytes === 0) this.#sink.end()
  }

  #chunkSize(buffer: Buffer, at: number): number | undefined {
    const end = buffer.indexOf('\r\n', at, 'latin1')
    if (end === -1) return undefined
    const size = Number.parseInt(buffer.toString('latin1', at, end), 16)
    if (Number.isNaN(size)) throw new Error('read answer: a chunk without a size')
    this.#part = size === 0 ? 'trailer' : 'chunk'
    this.#left = size === 0 ? 2 : size
    return end + 2
  }

  #bytes(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.#left)
    this.#left -= end - at
    this.#sink.body(at === 0 && end === buffer.length ? buffer : buffer.subarray(at, end))
    if (this.#left > 0) return end
    if (this.#part === 'chunk') {
      this.#part = 'chunk-end'
      this.#left = 2
    } else {
      this.#part = 'head'
      this.#sink.end()
    }
    return end
  }

  #skip(buffer: Buffer, at: number, then: 'chunk-size' | 'head'): number {
    const end = Math.min(buffer.length, at + this.#left)
    this.#left -= end - at
    if (this.#left > 0) return end
    if (this.#part === 'trailer') this.#sink.end()
    this.#part = then
    return end
  }
}
