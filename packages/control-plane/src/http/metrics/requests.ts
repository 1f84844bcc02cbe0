import type { Instruments } from './instruments.ts'

export function createRequestMetrics({ counter, histogram }: Instruments) {
  const requests = histogram(
    'plexd_http_request_duration_seconds',
    'Time from the request line to the end of the answer',
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    'operation',
    'status',
  )
  const wrongTokens = counter(
    'plexd_wrong_tokens_total',
    'Calls with a token that nobody has: refused with 401, throttled with 429',
    'api',
    'outcome',
  )
  const refusals = counter(
    'plexd_connections_refused_total',
    'Connections closed without an answer: silent, crowded (too many wait for a handshake), too_many, no_header (from a balancer)',
    'reason',
  )
  const relayedBytes = counter(
    'plexd_session_relay_bytes_total',
    'Bytes of relayed sessions, by who sent them: client or node',
    'from',
  )
  return {
    answered: (operation: string, status: number, seconds: number) =>
      requests.observe({ operation, status: String(status) }, seconds),
    wrongToken: (api: string, outcome: string) => wrongTokens.inc({ api, outcome }),
    /** A connection was closed without an answer. */
    refused: (reason: string) => refusals.inc({ reason }),
    /** Bytes of a relayed session, by who sent them: `client` or `node`. */
    relayed: (from: string, count: number) => relayedBytes.inc({ from }, count),
  }
}
