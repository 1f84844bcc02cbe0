import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { type BatchResponse, controlApi, type Operation } from '@plexd/protocol'
import type { RawAnswer, TestNode } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'

const gzip = { 'content-encoding': 'gzip' }
const json = { 'content-type': 'application/json' }
const ndjson = { 'content-type': 'application/x-ndjson' }

/** The seed's examples. */
const metrics = [
  {
    timestamp: '2025-01-15T10:30:00Z',
    group: 'node_resources',
    data: { cpu_percent: 23.5, memory_used: 4294967296, memory_total: 8589934592 },
  },
  {
    timestamp: '2025-01-15T10:30:00Z',
    group: 'tunnel_health',
    peer_id: 'n_peer456',
    data: {
      handshake_age_seconds: 15,
      tx_bytes: 1048576,
      rx_bytes: 524288,
      packet_loss_percent: 0.1,
    },
  },
]
const logs = [
  {
    timestamp: '2025-01-15T10:30:00.123Z',
    source: 'journald',
    unit: 'plexd',
    message: 'reconciliation completed, 0 drifts corrected',
    severity: 'info',
    hostname: 'web-01',
  },
  {
    timestamp: '2025-01-15T10:30:01.456Z',
    source: 'journald',
    unit: 'sshd',
    message: 'Accepted publickey for admin',
    severity: 'info',
    hostname: 'web-01',
  },
]
const audit = [
  {
    timestamp: '2025-01-15T10:30:00.456Z',
    source: 'auditd',
    event_type: 'SYSCALL',
    subject: { uid: 1000, pid: 4523, comm: 'sshd' },
    object: { path: '/etc/shadow' },
    action: 'open',
    result: 'denied',
    hostname: 'web-01',
    raw: '...',
  },
]

const lines = (records: readonly unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')

/** Each dropped record is among the refusals, of which there are ten at most. */
function accepts(answer: RawAnswer, accepted: number, dropped = 0): void {
  const { refusals = [], ...counts } = answer.json() as BatchResponse // of the operation
  assert.deepEqual(counts, { accepted, dropped })
  assert.equal(refusals.length, Math.min(dropped, 10))
}

async function kept({ system }: Stage, node: TestNode, kind: string): Promise<unknown[]> {
  const { body } = await system.admin.listTelemetry({ params: { node: node.node_id, kind } })
  return body.items.map(({ record }) => record)
}

/** The cases of one of the three batches; `records` are the seed's example, in the form that the seed sends. */
function batchCases(
  operation: Operation,
  kind: string,
  records: readonly Record<string, unknown>[],
  form: 'array' | 'lines',
): ContractCase[] {
  const text = form === 'array' ? JSON.stringify(records) : lines(records)
  const type = form === 'array' ? json : ndjson
  return [
    {
      status: 202,
      when: "for the seed's batch in gzip, and shows it to operators",
      async answer(stage) {
        const node = await stage.system.enrol(`${kind}-seed`)
        const answer = await node.call(operation, {
          body: gzipSync(text),
          headers: { ...type, ...gzip },
        })
        accepts(answer, records.length)
        assert.deepEqual(await kept(stage, node, kind), records)
        return answer
      },
    },
    {
      status: 202,
      when: 'for a plain array',
      answer: ({ web }) => web.call(operation, { body: JSON.stringify(records), headers: json }),
      check: (answer) => accepts(answer, records.length),
    },
    {
      status: 202,
      when: 'for plain lines, the last without its end',
      answer: ({ web }) => web.call(operation, { body: lines(records).trimEnd(), headers: ndjson }),
      check: (answer) => accepts(answer, records.length),
    },
    {
      status: 202,
      when: 'for a batch in which something fits, and drops the rest',
      answer: ({ web }) =>
        web.call(operation, { body: `not JSON\n{}\n${lines(records)}`, headers: ndjson }),
      check: (answer) => accepts(answer, records.length, 2),
    },
    {
      status: 400,
      when: 'for a batch in which nothing fits',
      answer: ({ web }) => web.call(operation, { body: 'not JSON', headers: ndjson }),
    },
    {
      status: 413,
      when: 'for a batch over the limit, even when gzip makes it small',
      answer: ({ web }) =>
        web.call(operation, {
          body: gzipSync(Buffer.alloc((operation.maxBodyBytes ?? 0) + 1, ' ')),
          headers: { ...type, ...gzip },
        }),
    },
    {
      status: 429,
      when: 'with Retry-After for a node that sends too much',
      async answer({ system }) {
        const node = await system.enrol(`${kind}-flood`)
        const flood = gzipSync(JSON.stringify(Array.from({ length: 10_000 }, () => records[0])))
        for (let sent = 0; sent < 50; sent++) {
          const answer = await node.call(operation, { body: flood, headers: { ...json, ...gzip } })
          if (answer.status !== 202) return answer
        }
        throw new Error('500,000 records were let through')
      },
      check: ({ headers }) => assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/),
    },
  ]
}

export const sendMetricsCases = batchCases(controlApi.sendMetrics, 'metrics', metrics, 'array')
export const sendLogsCases = batchCases(controlApi.sendLogs, 'logs', logs, 'lines')
export const sendAuditCases = batchCases(controlApi.sendAudit, 'audit', audit, 'lines')
