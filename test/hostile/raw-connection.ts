import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { readCa } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'

/** A server over TLS, or a Unix socket. */
export type Place = { url: string; caFile: string } | { socket: string }

/** An answer with a Content-Length, as it stands in what came. */
export interface RawAnswer {
  status: number
  body: string
}

/** A connection on which anything can be said. */
export interface RawConnection extends Disposable {
  write(bytes: string | Uint8Array): void
  /** The same; resolves when it is on its way, or never will be. */
  send(bytes: string | Uint8Array): Promise<void>
  /** All that has come. */
  text(): string
  /** Those of what has come that are whole. */
  answers(): RawAnswer[]
  isOpen(): boolean
  /** Waits for the head of an answer. */
  answered(): Promise<void>
  /** Waits until the other side ends the connection, or the time is over. */
  closed(timeoutMs: number): Promise<boolean>
}

/** Rejects when it cannot be opened; the signal closes it. */
export async function openRaw(place: Place, signal?: AbortSignal): Promise<RawConnection> {
  const socket = await connectTo(place, signal)
  let text = ''
  let open = true
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  // A connection that is reset is one that is closed.
  socket
    .on('error', () => undefined)
    .on('close', () => {
      open = false
    })
  const close = (): void => void socket.destroy()
  if (signal?.aborted) close()
  signal?.addEventListener('abort', close, { once: true })
  return {
    write: (bytes) => {
      socket.write(bytes)
    },
    send: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
    text: () => text,
    answers: () => answersIn(text),
    // It is closed only when the event loop comes round, for which who writes without pause leaves no time.
    isOpen: () => open && !socket.destroyed,
    answered: () =>
      until('an answer comes', () => !open || text.includes('\r\n\r\n')).then(() => undefined),
    async closed(timeoutMs) {
      const deadlineMs = performance.now() + timeoutMs
      while (open && performance.now() < deadlineMs) await delay(20)
      return !open
    },
    [Symbol.dispose]() {
      signal?.removeEventListener('abort', close)
      close()
    },
  }
}

async function connectTo(place: Place, signal?: AbortSignal): Promise<Socket> {
  const { socket, event } = begin(place)
  try {
    await once(socket, event, signal ? { signal } : {})
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function begin(place: Place): { socket: Socket; event: string } {
  if ('socket' in place) return { socket: connect(place.socket), event: 'connect' }
  const { hostname, port } = new URL(place.url)
  const socket = connectTls({ host: hostname, port: Number(port), ca: readCa(place.caFile) })
  return { socket, event: 'secureConnect' }
}

function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end === -1) return answers
    const head = text.slice(at, end)
    const [, status] = /^HTTP\/1\.1 (\d+) /.exec(head) ?? []
    const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
    at = end + 4 + Number(length)
    if (at > text.length) return answers
    answers.push({ status: Number(status), body: text.slice(end + 4, at) })
  }
}
