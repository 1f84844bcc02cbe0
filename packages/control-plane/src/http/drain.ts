import type { IncomingMessage } from 'node:http'

/** How long a caller may go on sending what nobody wants any more. */
const patienceMs = 5_000

/**
 * Throws away what is left of a body after its answer. A connection that is closed at once takes the answer with it; one
 * that is read for ever costs us as much as the caller.
 */
export function drain(raw: IncomingMessage): void {
  if (raw.complete || raw.destroyed) return
  const timer = setTimeout(() => raw.socket.destroy(), patienceMs)
  raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  raw.on('error', () => {}) // it may be cut off now as well
  raw.resume()
}
