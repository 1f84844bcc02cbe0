import type { IncomingMessage } from 'node:http'

/** How long a client may keep sending a body that is not wanted any more. */
const patienceMs = 5_000

/**
 * Discards the rest of a body after its answer. Closing at once would lose the answer; reading forever would let
 * the client use our resources without limit.
 */
export function drain(raw: IncomingMessage): void {
  if (raw.complete || raw.destroyed) return
  const timer = setTimeout(() => raw.socket.destroy(), patienceMs)
  raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  raw.on('error', () => {}) // it may be cut off at any time
  raw.resume()
}
