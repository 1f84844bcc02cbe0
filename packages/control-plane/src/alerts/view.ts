import type { Alert } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import type { StoredAlert } from '../rows/alerts/alerts.ts'

/** As operators and webhooks see it. */
export function alertView(alert: StoredAlert): Alert {
  return {
    id: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    state: alert.state,
    node: alert.hostname,
    node_id: alert.node_id,
    summary: alert.summary,
    value: alert.value,
    since: new Date(alert.since).toISOString(),
    fired_at: isoTime(alert.fired_at),
    resolved_at: isoTime(alert.resolved_at),
    reason: alert.reason,
  }
}
