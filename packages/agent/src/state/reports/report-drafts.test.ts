import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createReportDrafts } from './report-drafts.ts'
import type { ReportRecord } from './report-record.ts'
import { createReportTable } from './report-table.ts'

const step = fc.record({
  what: fc.constantFrom('put', 'remove', 'raise', 'resend', 'confirm', 'write', 'write', 'fail'),
  key: fc.constantFrom('a', 'b', 'c'),
  version: fc.nat(12),
})

describe('createReportDrafts', () => {
  it('gives each key versions that only grow, whatever is written, confirmed and lost meanwhile', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const table = createReportTable()
        const drafts = createReportDrafts(table)
        const onDisk = new Map<string, { op: string; version: number }>()
        let waiting: ReportRecord[] = []
        const stage = (...records: (ReportRecord | undefined)[]): void => {
          for (const record of records) {
            if (!record) continue
            drafts.stage(record)
            waiting.push(record)
          }
        }
        const write = (): void => {
          for (const record of waiting.splice(0)) {
            drafts.commit(record)
            if (record.op !== 'put' && record.op !== 'delete') continue
            const before = onDisk.get(record.key)
            const isAgain = before?.op === record.op && before.version === record.version
            // A deleted entry keeps its version: the tombstone has the last that was given out.
            const isNewer = record.version >= (before?.version ?? 0) + (record.op === 'put' ? 1 : 0)
            assert.ok(isAgain || isNewer, JSON.stringify({ before, record }))
            onDisk.set(record.key, record)
          }
        }
        for (const { what, key, version } of steps) {
          if (what === 'put') stage(drafts.put({ key, content_type: 't', payload: '1' }, 'now'))
          else if (what === 'remove') stage(drafts.remove(key))
          else if (what === 'raise') stage(drafts.raise(key, version))
          else if (what === 'resend') stage(...drafts.resend([key]))
          else if (what === 'confirm') stage(...drafts.confirm([...table.unsynced()]))
          else if (what === 'write') write()
          else {
            drafts.drop()
            waiting = []
          }
        }
        write()
        for (const [key, { op, version }] of onDisk) {
          assert.equal(table.last(key)?.version, version)
          assert.equal(table.entry(key) !== undefined, op === 'put')
          assert.equal(drafts.last(key), table.last(key))
        }
      }),
    )
  })

  it('checks a condition against pending writes, and again against the disk if they are lost', () => {
    const drafts = createReportDrafts(createReportTable())
    const put = (ifVersion: number) =>
      drafts.put({ key: 'a', content_type: 't', payload: '1', ifVersion }, 'now')
    drafts.stage(put(0))
    assert.throws(() => put(0), /version conflict/)
    assert.equal(put(1).version, 2)
    drafts.drop()
    assert.equal(put(0).version, 1)
  })
})
