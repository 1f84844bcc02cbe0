import assert from 'node:assert/strict'
import { it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { aSmallDisk } from '@plexd/runtime/testing'
import { defaultConfig } from '../config/agent-config.ts'
import type { ReportWriteInput } from './reports/report-drafts.ts'
import { openReportStore } from './reports/report-store.ts'

const { limits } = defaultConfig

it('keeps nothing half-written on a full disk, and writes again when there is space', async (t) => {
  await using disk = await aSmallDisk()
  if (!disk) return void t.skip('mounting a tmpfs needs root')
  const options = { dataDir: disk.path, clock: systemClock, log: silentLog, limits }
  {
    await using store = await openReportStore(options)
    await store.put(entry('before'))
    await disk.fill()
    const big = { ...entry('big'), payload: JSON.stringify('x'.repeat(100_000)) }
    const results = await Promise.allSettled([store.put(big), store.put(entry('beside'))])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(store.keys(), ['before'])
    {
      await using again = await openReportStore(options)
      assert.deepEqual(again.keys(), ['before'])
    }
    await disk.clear()
    assert.equal((await store.put(entry('after'))).version, 1)
    assert.equal((await store.put(big)).version, 1)
  }
  await using store = await openReportStore(options)
  assert.deepEqual(store.keys(), ['after', 'before', 'big'])
})

function entry(key: string): ReportWriteInput {
  return { key, content_type: 'text/plain', payload: '"x"' }
}
