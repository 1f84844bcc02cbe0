import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controlApi, jsonBoundsOf, passedBound } from '@plexd/protocol'
import fc from 'fast-check'
import { readReportBody, reportBounds } from '../../local-api/requests/report-body.ts'
import type { ReportChange } from '../../state/reports/report-store.ts'
import { takeBatch, toReportSync } from './batch.ts'

const gate = jsonBoundsOf(controlApi.syncReports)

/** What the Local Node API makes of a body; undefined when it refuses it. */
function changeOf(key: string, payload: string): ReportChange | undefined {
  const read = readReportBody(Buffer.from(`{"content_type":"a/b","payload":${payload}}`))
  if (typeof read === 'string') return undefined
  return { op: 'put', key, ...read, version: 1, updated_at: '2025-01-15T10:30:00Z' }
}

const listOf = (values: number): string => `[${'0,'.repeat(values - 1)}0]`

/** All batches that it takes to send changes. */
function* batchesOf(changes: readonly ReportChange[]): Iterable<ReportChange[]> {
  for (let left = changes; left.length > 0; ) {
    const batch = takeBatch(left)
    yield batch
    left = left.slice(batch.length)
  }
}

describe('a report batch', () => {
  it('passes the gate of the control plane with the largest entry that is accepted here', () => {
    let values = reportBounds.maxValues
    while (changeOf('k', listOf(values)) === undefined) values--
    assert.ok(values > reportBounds.maxValues - 10)
    const change = changeOf('k', listOf(values))
    assert.ok(change)
    const text = JSON.stringify(toReportSync(takeBatch([change])))
    assert.equal(passedBound(text, gate), undefined)
    assert.equal(passedBound(text.replace('[0,', `[${'0,'.repeat(30)}`), gate), 'values')
  })

  it('passes the gate with the deepest entry', () => {
    let depth = 64
    const nested = () => `${'['.repeat(depth)}${']'.repeat(depth)}`
    while (changeOf('k', nested()) === undefined) depth--
    const change = changeOf('k', nested())
    assert.ok(change && depth > 58)
    assert.equal(passedBound(JSON.stringify(toReportSync([change])), gate), undefined)
  })

  it('passes the gate whatever is sent together', () => {
    const sizes = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 10_000, max: 199_000 })),
      {
        minLength: 1,
        maxLength: 12,
      },
    )
    fc.assert(
      fc.property(sizes, fc.boolean(), (all, isDeleted) => {
        const changes = all.flatMap((values, index) => changeOf(`k${index}`, listOf(values)) ?? [])
        const deleted: ReportChange = { op: 'delete', key: 'gone', version: 2 }
        const sent = isDeleted ? [...changes, deleted] : changes
        let count = 0
        for (const batch of batchesOf(sent)) {
          count += batch.length
          assert.equal(passedBound(JSON.stringify(toReportSync(batch)), gate), undefined)
        }
        assert.equal(count, sent.length)
      }),
      { numRuns: 20 },
    )
  })
})
