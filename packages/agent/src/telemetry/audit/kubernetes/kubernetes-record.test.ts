import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redact } from '@plexd/runtime'
import { toKubernetesRecord } from './kubernetes-record.ts'

const rules = { hostname: 'cp-1', redact, nowMs: Date.parse('2026-11-27T02:00:00Z') }
/** As kube-apiserver 1.31 writes it at level Request. */
const event = {
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Request',
  auditID: 'c0ffee00-0000-4000-8000-000000000001',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/prod/secrets/db',
  verb: 'update',
  user: { username: 'jane', groups: ['dev', 'system:authenticated'] },
  sourceIPs: ['192.0.2.7'],
  userAgent: 'kubectl/v1.31.0',
  objectRef: { resource: 'secrets', namespace: 'prod', name: 'db', apiVersion: 'v1' },
  responseStatus: { metadata: {}, code: 403 },
  requestObject: { data: { password: 'aHVudGVyMjI=' } },
  requestReceivedTimestamp: '2026-11-27T01:00:00.000001Z',
  stageTimestamp: '2026-11-27T01:00:00.123456Z',
}
const line = JSON.stringify(event)

describe('an event of Kubernetes', () => {
  it('becomes a record without the bodies', () => {
    const { raw, ...record } = toKubernetesRecord(line, rules) ?? {}
    assert.deepEqual(record, {
      timestamp: '2026-11-27T01:00:00.123Z',
      source: 'kubernetes',
      event_type: 'ResponseComplete',
      subject: {
        username: 'jane',
        groups: ['dev', 'system:authenticated'],
        addresses: ['192.0.2.7'],
        user_agent: 'kubectl/v1.31.0',
      },
      object: { namespace: 'prod', resource: 'secrets', name: 'db' },
      action: 'update',
      result: 'denied',
      hostname: 'cp-1',
    })
    assert.match(raw ?? '', /"code":403\}\}$/)
  })

  it('is one although its line was too long, at the time at which it was read', () => {
    const long = JSON.stringify({ ...event, requestObject: 'x'.repeat(100_000) }).slice(0, 20_000)
    const record = toKubernetesRecord(long, rules)
    assert.deepEqual([record?.result, record?.timestamp], ['denied', '2026-11-27T02:00:00.000Z'])
  })

  it('succeeds or fails by the code of its answer, and has no result before there is one', () => {
    const resultOf = (responseStatus?: object) =>
      toKubernetesRecord(JSON.stringify({ ...event, responseStatus }), rules)?.result
    assert.equal(resultOf({ code: 201 }), 'success')
    assert.equal(resultOf({ code: 409 }), 'failure')
    assert.equal(resultOf({ code: 401 }), 'denied')
    assert.equal(resultOf(), undefined)
  })

  it('is none if it is anything else', () => {
    for (const text of ['', '{', '[]', 'null', '{"stage":1}', '\0'.repeat(10), line.slice(0, 300)])
      assert.equal(toKubernetesRecord(text, rules), undefined, text)
  })
})
