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
