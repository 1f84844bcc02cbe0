import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { systemClock } from '@plexd/runtime'
import type { Handler } from './answers/handler.ts'
import {
  type Answer,
  type Caller,
  type LocalRequest,
  unauthorizedAnswer,
} from './requests/answer.ts'
import { readSimpleGet, type SimpleGet } from './simple-get.ts'
import type { Door } from './sockets/door.ts'

/**
 * Answers simple GETs from memory directly on the socket, for a quarter of the CPU time of Node's HTTP server
 * (docs/decisions/0008). At anything else (another method, a body, a header that changes how the message is parsed, an
 * incomplete request) the connection is handed over to Node's parser for good.
 */
export function installFastPath(
  server: Server,
  handler: Handler,
  door: Door,
): { closeIdle(): void } {
  const sockets = new Set<Socket>()
  const refused = new Set<Socket>()
  const parse = server.listeners('connection')
  const toWire = createWireFormat(handler.index)

  function onConnection(socket: Socket): void {
    const refusal = door.connections.admit(socket, door.ownerOf(socket))
    if (refusal) {
      refuse(socket, refusal)
      return
    }
    const resume = (): void => void socket.resume()
    const listeners = {
      data: (chunk: Buffer) => read(chunk),
      end: () => socket.end(),
      timeout: () => socket.destroy(),
      error: () => socket.destroy(),
      close: () => sockets.delete(socket),
      drain: resume,
    }

    function read(chunk: Buffer): void {
      const text = chunk.toString('latin1')
      let wire = ''
      let large: Buffer | undefined
      let at = 0
      while (at < text.length && wire.length < maxWireLength && !large) {
        const request = readSimpleGet(text, at)
        const answer = request && answerTo(socket, request)
        if (!answer) break
        if (answer.body.length > maxKeptBytes) large = answer.body
        wire += large ? toWire.head(answer) : toWire.whole(answer)
        at = request.end
      }
      // Backpressure: no more requests are answered until the client has read.
      if (wire !== '' && !write(wire, large)) socket.pause()
      if (at < text.length) handOver(chunk.subarray(at))
    }

    /** A large body is not copied: all clients get the same buffer. */
    function write(wire: string, large: Buffer | undefined): boolean {
      if (!large) return socket.write(wire, 'latin1')
      socket.cork()
      socket.write(wire, 'latin1')
      const more = socket.write(large)
      socket.uncork()
      return more
    }

    function handOver(rest: Buffer): void {
      sockets.delete(socket)
      for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener)
      socket.setTimeout(0)
      socket.pause()
      socket.unshift(rest)
      for (const listener of parse) listener.call(server, socket)
      process.nextTick(resume)
    }

    sockets.add(socket)
    socket.setTimeout(server.keepAliveTimeout)
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener)
  }

  /** Sends the reason before closing, to a limited number of clients at a time. */
  function refuse(socket: Socket, answer: Answer): void {
    socket.on('error', () => socket.destroy())
    if (refused.size >= maxRefused) {
      socket.destroy()
      return
    }
    refused.add(socket)
    const late = setTimeout(() => socket.destroy(), 1_000)
    socket.on('close', () => {
      clearTimeout(late)
      refused.delete(socket)
    })
    socket
      .resume()
      .end(
        toWire.whole({ ...answer, headers: { ...answer.headers, Connection: 'close' } }),
        'latin1',
      )
  }

  function answerTo(socket: Socket, simple: SimpleGet): Answer | undefined {
    const caller = door.identify(socket, simple.authorization)
    const answer = caller ? handler.answerNow(toLocalRequest(simple, caller)) : unauthorizedAnswer
    // An answer that closes the connection is left to Node's server.
    return answer?.headers.Connection ? undefined : answer
  }

  server.removeAllListeners('connection').on('connection', onConnection)
  return {
    closeIdle() {
      for (const socket of [...sockets, ...refused]) socket.destroySoon()
    },
  }
}

const maxRefused = 32

/** Answers to pipelined requests are written together, up to this length. */
const maxWireLength = 1024 * 1024
/** A longer body is written as it is, not copied into text. */
const maxKeptBytes = 64 * 1024

function toLocalRequest({ target, ifNoneMatch }: SimpleGet, caller: Caller): LocalRequest {
  return {
    method: 'GET',
    target,
    caller,
    header: (name) => (name === 'if-none-match' ? ifNoneMatch : undefined),
    body: async () => undefined,
    signal: neverAborted,
  }
}

const neverAborted = new AbortController().signal

interface WireFormat {
  whole(answer: Answer): string
  /** Without the body. */
  head(answer: Answer): string
}

/** Formats answers as bytes in Latin-1 text; everything except date and index only once per answer. */
function createWireFormat(index: () => number): WireFormat {
  const tails = new WeakMap<Answer, string>()
  let date = { second: 0, text: '' }

  function dateLine(): string {
    const second = Math.floor(systemClock.now() / 1_000)
    if (second !== date.second)
      date = { second, text: `Date: ${new Date(second * 1_000).toUTCString()}\r\n` }
    return date.text
  }

  function tailOf(answer: Answer): string {
    const known = tails.get(answer)
    if (known !== undefined) return known
    const tail = formatTail(answer) + answer.body.toString('latin1')
    tails.set(answer, tail)
    return tail
  }

  function start({ status, isState }: Answer): string {
    const indexLine = isState ? `X-Plexd-Index: ${index()}\r\n` : ''
    return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${dateLine()}${indexLine}`
  }

  return {
    whole: (answer) => start(answer) + tailOf(answer),
    head: (answer) => start(answer) + formatTail(answer),
  }
}

function formatTail({ status, headers, body }: Answer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`
  return `${lines.join('')}${length}\r\n`
}
