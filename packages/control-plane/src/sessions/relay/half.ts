import type { Clock } from '@plexd/runtime'
import type { WebSocket } from 'ws'

/** How an end of a relay was closed, or is to be. */
export interface Closing {
  readonly code: number
  readonly reason: string
}

/** One side of a relay. */
export interface Half {
  /** Calls back with what has come so far, and with every further message. */
  read(onMessage: (bytes: Buffer) => void): void
  pause(): void
  resume(): void
  /** `onWritten` is called when the kernel has it, or never. */
  send(bytes: Buffer, onWritten: () => void): void
  /** What was sent and is not with the kernel yet. */
  queuedBytes(): number
  /** Sends what is queued, and then the close. What still comes is dropped. */
  close(closing: Closing): void
  /** The same, but it is over within half a second: a revoked session has one. */
  cut(closing: Closing): void
  /** To be called every `pingMs`. */
  keepAlive(): void
  readonly over: Promise<void>
}

/** NATs and proxies forget connections on which nothing passes, some after 30 s. */
export const pingMs = 20_000
/** Three pings without an answer. */
const silentMs = 65_000
const cutMs = 500
/** Held of what comes before both sides are there: an SSH client sends its version and its algorithms. */
const earlyBytes = 16 * 1024

export interface HalfOptions {
  clock: Pick<Clock, 'monotonic'>
  /** A message was text. */
  onText(): void
  /** Once, whoever has closed it. */
  onClosed(closing: Closing): void
}

export function createHalf(socket: WebSocket, { clock, onText, onClosed }: HalfOptions): Half {
  const early: Buffer[] = []
  let earlyLength = 0
  let heardMs = clock.monotonic()
  let onMessage = (message: Buffer): void => {
    // An empty one has nothing for the other side, and would never fill it.
    if (message.length === 0) return
    early.push(message)
    earlyLength += message.length
    if (earlyLength >= earlyBytes) socket.pause()
  }
  const { promise: over, resolve: end } = Promise.withResolvers<void>()

  function hear(): void {
    heardMs = clock.monotonic()
  }

  function close({ code, reason }: Closing): void {
    onMessage = () => {}
    // So that the close of the other end is read.
    socket.resume()
    socket.close(code, reason)
  }

  socket.on('message', (data, isBinary) => {
    hear()
    if (isBinary)
      onMessage(data as Buffer) // as its binaryType says
    else onText()
  })
  socket.on('ping', hear).on('pong', hear)
  // It is followed by a close.
  socket.on('error', () => {})
  socket.once('close', (code, reason) => {
    end()
    onClosed({ code, reason: reason.toString() })
  })
  return {
    read(next) {
      onMessage = next
      // First, because `next` may pause it again.
      socket.resume()
      for (const message of early.splice(0)) next(message)
    },
    pause: () => socket.pause(),
    resume() {
      // While it was paused nothing could be heard.
      hear()
      socket.resume()
    },
    send: (bytes, onWritten) =>
      socket.send(bytes, { binary: true }, (error) => {
        if (error) return
        // Slow readers are alive, and get no ping.
        hear()
        onWritten()
      }),
    queuedBytes: () => socket.bufferedAmount,
    close,
    cut(closing) {
      close(closing)
      const timer = setTimeout(() => socket.terminate(), cutMs)
      socket.once('close', () => clearTimeout(timer))
    },
    keepAlive() {
      // Behind what is queued it would prove nothing, and add up for a reader that takes nothing.
      if (socket.isPaused || socket.bufferedAmount > 0) return
      if (clock.monotonic() - heardMs > silentMs) socket.terminate()
      else socket.ping()
    },
    over,
  }
}
