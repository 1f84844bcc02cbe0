import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertCondition } from '@plexd/protocol'
import { conditionWords } from './condition-words.ts'

describe('conditionWords', () => {
  for (const [when, time, words] of [
    [
      {
        metric: { name: 'node_resources.disk_used', of: 'node_resources.disk_total', above: 0.9 },
      },
      '5m',
      'node_resources.disk_used > 90 % of disk_total for 5m',
    ],
    [{ metric: { name: 'a.b', of: 'c.d', below: 0.07 } }, '1h0m0s', 'a.b < 7 % of c.d for 1h'],
    [
      { metric: { name: 'agent_stats.clock_skew_seconds', above: 30, below: -30 } },
      '1h30m0s',
      'agent_stats.clock_skew_seconds > 30 or < -30 for 1h30m',
    ],
    [{ increase: { name: 'a.b', within: '15m0s' } }, '0s', 'a.b has grown in 15m'],
    [{ no_data: { name: 'a.b' } }, '10m0s', 'no data of a.b for 10m'],
    [{ status: ['unreachable', 'offline'] }, '1m', 'node is unreachable or offline for 1m'],
    [{ integrity: { within: '1h' } }, '0s', 'unknown binary, or a changed file in 1h'],
    [{ drift: { within: '10m0s', at_least: 3 } }, '0s', '3 corrections or more in 10m'],
  ] satisfies [AlertCondition, string, string][])
    it(`says ${words}`, () => assert.equal(conditionWords({ when, for: time }), words))
})
