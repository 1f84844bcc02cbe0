import assert from 'node:assert/strict'
import { controlApi, newChallenge } from '@plexd/protocol'
import type { ContractCase } from '../contract-case.ts'

export const pingCases: ContractCase[] = [
  {
    status: 200,
    when: 'to anybody',
    answer: ({ system }) => system.call(controlApi.ping),
    check: ({ text }) => assert.equal(text, '{}'),
  },
]

export const proveInstallationCases: ContractCase[] = [
  {
    status: 200,
    when: 'to anybody who challenges it',
    answer: ({ system }) =>
      system.call(controlApi.proveInstallation, { query: { challenge: newChallenge() } }),
  },
  {
    status: 400,
    when: 'without a challenge',
    answer: ({ system }) => system.call(controlApi.proveInstallation),
  },
]

export const tunnelReadyCases: ContractCase[] = [
  {
    status: 200,
    when: 'for what the Go client sends',
    answer: ({ web }) =>
      web.call(controlApi.tunnelReady, {
        params: { session_id: 'ses_1' },
        body: { listen_addr: '10.100.0.1:40022', timestamp: '2025-01-15T10:30:00.123456789+01:00' },
      }),
  },
]

export const tunnelClosedCases: ContractCase[] = [
  {
    status: 200,
    when: 'for what the Go client sends',
    answer: ({ web }) =>
      web.call(controlApi.tunnelClosed, {
        params: { session_id: 'ses_1' },
        body: { reason: 'revoked', duration: '1m2.5s', timestamp: '2025-01-15T10:30:00Z' },
      }),
  },
]

const violation = {
  type: 'hook',
  path: '/etc/plexd/hooks/backup',
  expected_checksum: 'aa',
  actual_checksum: 'bb',
  detail: 'changed',
  timestamp: '2025-01-15T10:30:00Z',
}

export const reportViolationCases: ContractCase[] = [
  {
    status: 200,
    when: 'and shows it to operators',
    answer: ({ web }) => web.call(controlApi.reportViolation, { body: violation }),
    async check(_, { system, web }) {
      const { body } = await system.admin.listTelemetry({
        params: { node: web.node_id, kind: 'violations' },
      })
      assert.deepEqual(body.items.at(-1)?.record, violation)
    },
  },
]
