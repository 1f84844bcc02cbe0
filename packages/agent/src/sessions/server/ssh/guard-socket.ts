import type { Duplex } from 'node:stream'

/** How much may wait to be sent before more is asked of us, or is given out. */
const maxWaitingBytes = 4 * 1024 * 1024

/** Reads nothing from a client that does not read its answers: each costs memory. */
export function guardSocket(stream: Duplex): void {
  stream.on('data', () => {
    if (stream.writableLength <= maxWaitingBytes || stream.isPaused()) return
    stream.pause()
    stream.once('drain', () => stream.resume())
  })
}

/** Resolves when less waits to be sent than a client should take at once, or the stream has closed. */
export function createUntilSocketTakesMore(stream: Duplex): () => Promise<void> {
  let draining: Promise<void> | undefined

  function untilDrained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle)
      draining = undefined
      resolve()
    }
    stream.on('drain', settle).on('close', settle)
    return promise
  }

  return async () => {
    if (stream.destroyed || stream.writableLength < maxUnsentBytes) return
    draining ??= untilDrained()
    await draining
  }
}

/** Enough to keep a fast connection busy. */
const maxUnsentBytes = 1024 * 1024
