import { type CloseReason, closeReasons, type TunnelClosed } from '@plexd/protocol'
import type { SessionChange, StoredSession } from '../rows/sessions.ts'

/** The effect of a node's word that it waits for the client or runs the session; undefined for a repeat, and after the end. */
export function ready(row: StoredSession, listenAddr: string): SessionChange | undefined {
  if (row.state !== 'opening') return undefined
  return { state: 'open', listen_addr: listenAddr.slice(0, maxAddressChars) }
}

/**
 * The effect of a node's word that the session has ended; undefined for a repeat. Of one that we have ended it tells how
 * long it was and what went through, and the reason stays ours, but for `lost` and `expired`: with these we only say that there was no word.
 */
export function reported(
  row: StoredSession,
  report: TunnelClosed,
  nowMs: number,
): SessionChange | undefined {
  if (row.reported_at !== null) return undefined
  const said = {
    reported_at: nowMs,
    duration: report.duration?.slice(0, maxDurationChars) ?? null,
    bytes_in: report.bytes_in ?? null,
    bytes_out: report.bytes_out ?? null,
    recording_chunks: report.recording_chunks ?? null,
  }
  const isGuess = row.reason === 'lost' || row.reason === 'expired'
  if (row.state === 'closed' && !isGuess) return said
  return { ...said, ...reasonOf(report), state: 'closed', closed_at: closedAt(row, report, nowMs) }
}

/** The effect of our ending it; undefined if it has ended. */
export function end(
  row: StoredSession,
  { reason, detail }: { reason: CloseReason; detail: string },
  nowMs: number,
): SessionChange | undefined {
  if (row.state === 'closed') return undefined
  return { state: 'closed', reason, detail, closed_at: nowMs }
}

const maxAddressChars = 256
const maxDurationChars = 64
const maxReasonChars = 256

/** A Go node may use words of its own, and no node can say that it said nothing. */
function reasonOf({
  reason = '',
  detail = '',
}: TunnelClosed): Required<Pick<SessionChange, 'reason' | 'detail'>> {
  const known = closeReasons.find((one) => one === reason && one !== 'lost')
  if (known) return { reason: known, detail }
  const words = [reason.slice(0, maxReasonChars), detail].filter((text) => text !== '')
  return { reason: 'error', detail: words.join(': ') }
}

/** The node's time, which may be long before its word arrives; never before the session was opened, nor later than now. */
function closedAt({ opened_at }: StoredSession, { timestamp }: TunnelClosed, nowMs: number) {
  const ms = Date.parse(timestamp ?? '')
  return ms > 0 ? Math.max(opened_at, Math.min(ms, nowMs)) : nowMs
}
