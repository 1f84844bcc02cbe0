import type { CompleteSpec } from '../rows/alerts/rules.ts'

const everyNode = { selector: '*', for: '0s', keep_firing: '0s' } as const

/** What every tenant is warned of until it says otherwise, by name. The reasons for the bounds are in docs/guides/alerts.md. */
export const defaultRules: Readonly<Record<string, CompleteSpec>> = {
  'agent-restarts': {
    ...everyNode,
    when: { restarts: { within: '30m', at_least: 3 } },
    severity: 'warning',
  },
  'clock-off': {
    ...everyNode,
    when: { metric: { name: 'agent_stats.clock_skew_seconds', above: 30, below: -30 } },
    for: '5m',
    severity: 'warning',
  },
  'data-disk-nearly-full': {
    ...everyNode,
    when: {
      metric: {
        name: 'node_resources.data_disk_used',
        of: 'node_resources.data_disk_total',
        above: 0.9,
      },
    },
    for: '5m',
    keep_firing: '5m',
    severity: 'warning',
  },
  'disk-nearly-full': {
    ...everyNode,
    when: {
      metric: { name: 'node_resources.disk_used', of: 'node_resources.disk_total', above: 0.9 },
    },
    for: '5m',
    keep_firing: '5m',
    severity: 'warning',
  },
  'integrity-mismatch': {
    ...everyNode,
    when: { integrity: { within: '1h' } },
    severity: 'critical',
  },
  'node-silent': {
    ...everyNode,
    when: { status: ['unreachable', 'offline'] },
    for: '1m',
    severity: 'critical',
  },
  'queue-dropping': {
    ...everyNode,
    when: { increase: { name: 'agent_stats.queue_dropped', within: '15m' } },
    severity: 'warning',
  },
  'tunnel-stale': {
    ...everyNode,
    when: { metric: { name: 'tunnel_health.handshake_age_seconds', above: 300 } },
    for: '10m',
    severity: 'warning',
  },
}
