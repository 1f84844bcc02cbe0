import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorOf, fillPath, maxRelayMessageBytes, type Operation } from '@plexd/protocol'
import type { ClientOptions, WebSocket } from 'ws'
import { type Clock, systemClock } from '../time/clock.ts'
import { stepMs as usualStepMs, watchConnecting } from './connecting.ts'
import { collectAnswer, type HttpTransportOptions, placeOf } from './http-transport.ts'
import { trusting } from './trust.ts'
import { TunnelAgent } from './tunnel-agent.ts'

export interface WebSocketOptions
  extends Pick<
    HttpTransportOptions,
    'baseUrl' | 'caFile' | 'userAgent' | 'lookup' | 'proxyUrl' | 'stepMs'
  > {
  params: Readonly<Record<string, string>>
  token: string
  headers?: Readonly<Record<string, string>>
  /** Gives up, also when it is open. */
  signal?: AbortSignal
  clock?: Pick<Clock, 'monotonic' | 'every'>
}

/** The code of a close frame (RFC 6455, section 7.4) and what was said with it; 1006 if there was none, 1005 if it had no code. */
export interface WebSocketClosing {
  code: number
  reason: string
}

/**
 * The bytes of binary messages, whose limits mean nothing. Ends and closes when the other end closes or is lost, or says with an error
 * what is wrong.
 */
export interface WebSocketStream extends Duplex {
  /** Resolves when it is over, however that came. */
  readonly whenClosed: Promise<WebSocketClosing>
  /** Closes with a code from 4000 and at most 123 bytes of text; `end()` closes with neither. */
  hangUp(code: number, reason: string): void
}

/** For an answer to the request, and as long as the other end may be silent: it pings every 20 s. */
const silentMs = 65_000
const lookMs = 20_000

/**
 * Opens the WebSocket of a row. Rejects with an ApiError if it is refused, and with the network's own error if there was no
 * answer.
 */
export async function openWebSocket(
  operation: Operation,
  options: WebSocketOptions,
): Promise<WebSocketStream> {
  const { signal, clock = systemClock } = options
  // Only now: most programs open none, and a daemon would keep it.
  const { createWebSocketStream, WebSocket } = await import('ws')
  signal?.throwIfAborted()
  const [url, how] = planDialing(fillPath(operation.path, options.params), options)
  const socket = new WebSocket(url, how)
  const whenClosed = new Promise<WebSocketClosing>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  const giveUp = (): void => socket.terminate()
  signal?.addEventListener('abort', giveUp, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', giveUp))
  // Made at once: what the other end sends first may come together with its 101.
  const stream = createWebSocketStream(socket)
  const refused = refusalOf(socket)
  try {
    await Promise.race([opened(stream, socket), refused])
  } catch (error) {
    socket.terminate()
    signal?.throwIfAborted()
    throw error
  }
  sendInPieces(stream, maxRelayMessageBytes)
  // A WebSocket closes in both directions at once; the stream would stay open for writing.
  stream.once('end', () => stream.destroy())
  endWhenSilent(socket, clock)
  return Object.assign(stream, {
    whenClosed,
    hangUp: (code: number, reason: string) => socket.close(code, reason),
  })
}

/** Its URL, and how to connect. */
function planDialing(path: string, options: WebSocketOptions): [url: string, how: ClientOptions] {
  const { baseUrl, caFile, userAgent, token, lookup, proxyUrl, stepMs } = options
  const { secure, prefix, place } = placeOf(baseUrl)
  const { port, socketPath } = place
  const host = place.host ?? 'localhost' // of a Unix socket, which has none
  const ca = secure ? trusting(caFile) : {}
  const tunnel =
    proxyUrl === undefined ? undefined : new TunnelAgent(ca, { proxyUrl, lookup, stepMs })
  const agent = secure ? (tunnel ?? new https.Agent(ca)) : new http.Agent()
  const shown = host.includes(':') ? `[${host}]` : host
  const url = `${secure ? 'wss' : 'ws'}://${shown}${port ? `:${port}` : ''}${prefix}${path}`
  const how: ClientOptions = {
    ...(socketPath ? { createConnection: () => connect(socketPath) } : { agent }),
    ...(lookup ? { lookup } : {}),
    headers: {
      'user-agent': userAgent,
      authorization: `Bearer ${token}`,
      ...options.headers,
    },
    perMessageDeflate: false,
    maxPayload: maxRelayMessageBytes,
    handshakeTimeout: 3 * (stepMs ?? usualStepMs),
    finishRequest(request) {
      if (port) watchConnecting(request, { host, port: Number(port), stepMs })
      request.end()
    },
  }
  return [url, how]
}

/** Rejects if the answer is not 101. */
function refusalOf(socket: WebSocket): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {}) // nobody waits for it any more
  socket.once('unexpected-response', (_request, response: IncomingMessage) => {
    collectAnswer(response).then((answer) => reject(errorOf(answer)), reject)
  })
  return promise
}

async function opened(stream: Duplex, socket: WebSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  stream.once('error', reject)
  socket.once('open', resolve)
  await promise
  stream.off('error', reject)
}

/** What is written may be longer than a message. What is written while another message is on its way, or corked, is sent as one. */
function sendInPieces(stream: Duplex, maxBytes: number): void {
  const send = stream._write
  const write: Duplex['_write'] = (chunk: Buffer, encoding, done) => {
    const next = (at: number): void => {
      const end = at + maxBytes
      send.call(stream, chunk.subarray(at, end), encoding, (error) => {
        if (error || end >= chunk.length) done(error)
        else next(end)
      })
    }
    next(0)
  }
  stream._write = write
  // SSH writes each packet in three; a frame, a mask and a write to the socket for each cost more than copying them.
  stream._writev = (chunks, done) => {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk))
    write(bytes, 'binary', done)
  }
}

/** A connection that nothing comes through may be lost. Whoever does not read does not hear either. */
function endWhenSilent(socket: WebSocket, clock: Pick<Clock, 'monotonic' | 'every'>): void {
  let heardMs = clock.monotonic()
  const hear = (): void => {
    heardMs = clock.monotonic()
  }
  socket.on('message', hear).on('ping', hear)
  const looking = clock.every(lookMs, () => {
    if (socket.isPaused) hear()
    else if (clock.monotonic() - heardMs > silentMs) socket.terminate()
  })
  socket.once('close', () => looking[Symbol.dispose]())
}
