import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TelemetryStatus } from '@plexd/protocol'
import { formatTelemetry } from './telemetry.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')
const status: TelemetryStatus = {
  kind: 'logs',
  enabled: true,
  reason: '',
  records: 12,
  bytes: 3_456,
  max_bytes: 100_000,
  lag_seconds: 7,
  sent: 1_000,
  dropped: 5,
  refused: 2,
  last_loss: 'more waited for the control plane than is kept',
  last_sent_at: '2025-01-15T10:29:57Z',
  last_error: '',
  sources: [{ name: '/var/log/x.log', state: 'failed', detail: 'permission denied' }],
}

describe('formatTelemetry', () => {
  it('says what waits, what was lost and where records come from', () => {
    assert.equal(
      formatTelemetry(status, nowMs),
      `waiting:    12 records, 3456 of 100000 bytes
behind:     7 s
sent:       1000 since the start, last 3 s ago
dropped:    5 here, 2 by the control plane, the last because: more waited for the control plane than is kept
last error: none

SOURCE          STATE   DETAIL
/var/log/x.log  failed  permission denied
`,
    )
  })

  it('says why a kind is not sent', () => {
    const off = { ...status, enabled: false, reason: 'it is off: logs.enabled is false' }
    assert.equal(
      formatTelemetry(off, nowMs),
      'logs are not sent: it is off: logs.enabled is false\n',
    )
    assert.match(formatTelemetry({ ...off, kind: 'audit' }, nowMs), /^audit records are not sent: /)
  })
})
