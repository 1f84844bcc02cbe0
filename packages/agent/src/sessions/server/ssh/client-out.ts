import type { Duplex } from 'node:stream'

/** What goes out to a client, over all of its channels. */
export interface ClientOut {
  /** Resolves when less waits to be sent than a client should take at once, or the stream has closed. */
  untilRoom(): Promise<void>
  /** What is sent meanwhile goes out in one piece: ssh2 writes each packet in three. */
  together(send: () => void): void
}

/** Enough to keep a fast connection busy. */
const maxUnsentBytes = 1024 * 1024

export function createClientOut(stream: Duplex): ClientOut {
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

  return {
    async untilRoom() {
      if (stream.destroyed || stream.writableLength < maxUnsentBytes) return
      draining ??= untilDrained()
      await draining
    },
    together(send) {
      stream.cork()
      send()
      stream.uncork()
    },
  }
}
