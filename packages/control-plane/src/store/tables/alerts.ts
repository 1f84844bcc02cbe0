import type { AlertSeverity, AlertState } from '@plexd/protocol'
import type { Generated } from 'kysely'

/** What is wrong with nodes, and who is told. */
export interface AlertTables {
  alert_rules: {
    tenant_id: string
    name: string
    /** JSON; null for one that is there by itself and was deleted. */
    spec: string | null
    revision: number
    updated_at: number
    updated_by: string
  }
  alerts: {
    id: string
    tenant_id: string
    rule: string
    severity: AlertSeverity
    node_id: string
    hostname: string
    state: AlertState
    summary: string
    value: number | null
    since: number
    fired_at: number | null
    resolved_at: number | null
    reason: string
    /** 1 once webhooks were told that it fires. */
    told: number
  }
  alert_silences: {
    id: string
    tenant_id: string
    rule: string | null
    node_id: string | null
    selector: string | null
    reason: string
    created_by: string
    created_at: number
    ends_at: number
    ended_by: string | null
  }
  alert_webhooks: {
    id: string
    tenant_id: string
    name: string
    /** Of its URL, the rest of which may be a secret. */
    origin: string
    /** JSON list. */
    severities: string
    /** The URL, and the secret that signs, as JSON. */
    secret_sealed: string
    created_by: string
    created_at: number
    delivered: Generated<number>
    dropped: Generated<number>
    /** Attempts that have failed since the last that did not. */
    failures: Generated<number>
    last_error: Generated<string>
    /** No attempt before that. */
    retry_at: number | null
  }
  /** What waits for a webhook, in the order of `no`. */
  alert_messages: {
    no: Generated<number>
    id: string
    webhook_id: string
    /** As it is sent and signed. */
    body: string
    created_at: number
  }
}
