import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AlertMessage, AlertMessage as MessageSchema } from '@plexd/protocol'
import { Check } from 'typebox/value'
import type { StoredAlert } from '../rows/alerts/alerts.ts'
import { messagesOf } from './notices.ts'

const nowMs = Date.parse('2025-01-15T10:30:00Z')

function anAlert(fields: Partial<StoredAlert>): StoredAlert {
  return {
    id: 'alr_1',
    tenant_id: 'ten_1',
    rule: 'disk',
    severity: 'warning',
    node_id: 'n_web',
    hostname: 'web',
    state: 'firing',
    summary: 'full',
    value: 0.95,
    since: nowMs,
    fired_at: nowMs,
    resolved_at: null,
    reason: '',
    told: true,
    ...fields,
  }
}

describe('messagesOf', () => {
  const all = { id: 'whk_all', severities: ['info', 'warning', 'critical'] as const }
  const pager = { id: 'whk_pager', severities: ['critical'] as const }
  const webhooks = [all, pager].map(({ id, severities }) => ({ id, severities: [...severities] }))

  it('puts together what is alike, a hundred alerts at most, for whoever wants the severity', () => {
    const many = Array.from({ length: 101 }, (_, at) => anAlert({ id: `alr_${at}` }))
    const over = anAlert({ state: 'resolved', resolved_at: nowMs, reason: 'over' })
    const worse = anAlert({ rule: 'silent', severity: 'critical' })
    const messages = messagesOf([...many, over, worse], { webhooks }, nowMs)
    const shown = messages.map(({ webhook_id, body }) => {
      const message: AlertMessage = JSON.parse(body)
      assert.ok(Check(MessageSchema, message))
      return [webhook_id, message.type, message.data.rule, message.data.alerts.length]
    })
    assert.deepEqual(shown, [
      ['whk_all', 'alert.firing', 'disk', 100],
      ['whk_all', 'alert.firing', 'disk', 1],
      ['whk_all', 'alert.resolved', 'disk', 1],
      ['whk_all', 'alert.firing', 'silent', 1],
      ['whk_pager', 'alert.firing', 'silent', 1],
    ])
    assert.equal(new Set(messages.map(({ id }) => id)).size, 5)
  })
})
