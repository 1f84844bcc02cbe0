import assert from 'node:assert/strict'
import { controlApi, digestOfReports, type ReportDifference } from '@plexd/protocol'
import type { ContractCase } from '../contract-case.ts'

const held = { key: 'compared', version: 2, updated_at: '2026-01-01T00:00:00Z' }

export const compareReportsCases: ContractCase[] = [
  {
    status: 200,
    when: 'with what is missing here, and what the node did not name',
    async answer({ system }) {
      const node = await system.enrol('compared')
      const entry = { ...held, content_type: 'text/plain', payload: 1 }
      await node.call(controlApi.syncReports, { body: { entries: [entry] } })
      const digest = await digestOfReports([held])
      const same = await node.call(controlApi.compareReports, { body: { digest } })
      assert.deepEqual(same.json(), { same: true, missing: [], surplus: [] })
      const other = { ...held, key: 'other' }
      return node.call(controlApi.compareReports, {
        body: { digest: await digestOfReports([other]), entries: [other] },
      })
    },
    check(answer) {
      const difference = { same: false, missing: ['other'], surplus: ['compared'] }
      assert.deepEqual(answer.json<ReportDifference>(), difference)
    },
  },
]
