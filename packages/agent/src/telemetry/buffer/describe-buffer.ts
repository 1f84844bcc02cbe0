import type { SourceStatus, TelemetryKind, TelemetryStatus } from '@plexd/protocol'
import type { SentCounts } from './sending.ts'
import type { WaitingRecords } from './waiting-blocks.ts'

/** Of one kind. Pure. */
export function describeBuffer(
  { kind, maxBytes }: { kind: TelemetryKind; maxBytes: number },
  sources: readonly SourceStatus[],
  { records, bytes, oldestMs, dropped, lastDrop, ...sent }: WaitingRecords & SentCounts,
  nowMs: number,
): TelemetryStatus {
  return {
    kind,
    enabled: true,
    reason: '',
    records,
    bytes,
    max_bytes: maxBytes,
    // The clock may have been set back.
    lag_seconds: oldestMs === undefined ? 0 : Math.max(0, Math.round((nowMs - oldestMs) / 1_000)),
    sent: sent.sent,
    dropped,
    refused: sent.refused,
    last_loss: sent.lastRefusal || lastDrop,
    last_sent_at: sent.lastSentMs === undefined ? null : new Date(sent.lastSentMs).toISOString(),
    last_error: sent.lastError,
    sources: [...sources],
  }
}

/** Of a kind that is not collected. Pure. */
export function describeOff(kind: TelemetryKind, reason: string): TelemetryStatus {
  return {
    kind,
    enabled: false,
    reason,
    records: 0,
    bytes: 0,
    max_bytes: 0,
    lag_seconds: 0,
    sent: 0,
    dropped: 0,
    refused: 0,
    last_loss: '',
    last_sent_at: null,
    last_error: '',
    sources: [],
  }
}
