import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { startControlPlane } from '@plexd/control-plane/testing'
import { batchPositionHeader, type LogRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { openTelemetryBuffer } from './buffer.ts'

it('is stored once by a real control plane, whose answers are lost, with the gap of what was not kept', async () => {
  await using plane = await startControlPlane()
  const { api, node_id } = await plane.enrol('web')
  const folder = await mkdtemp(join(tmpdir(), 'plexd-telemetry-'))
  let lost = 0
  {
    await using buffer = await openTelemetryBuffer({
      kind: 'logs',
      folder,
      maxBytes: 1e6,
      intervalMs: 10,
      hostname: 'web-01',
      async post({ body, position }, signal) {
        const headers = {
          'content-type': 'application/x-ndjson',
          'content-encoding': 'gzip',
          [batchPositionHeader]: position,
        }
        const answer = await api.sendLogs({ params: { node_id }, body, headers, signal })
        if (lost++ % 2 === 0) throw new Error('the answer is lost')
        return answer.body
      },
      describe: String,
      onFailure: (error) => assert.fail(String(error)),
      onDamage: () => assert.fail('damaged'),
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) },
      log: silentLog,
    })
    for (const message of ['one', 'two', 'nul \u0000 and half \ud800'])
      await buffer.append([{ timestamp: '2025-01-15T10:30:00Z', message }])
    await buffer.lost(7, 'too fast')
    await until('all is sent', () => buffer.status([]).bytes === 0)
    assert.ok(lost > 1)
  }
  await rm(folder, { recursive: true })
  const params = { node: 'web', kind: 'logs' }
  const { items } = (await plane.admin.listTelemetry({ params, query: {} })).body
  assert.deepEqual(
    items.map(({ record }) => {
      const { message, gap } = record as LogRecord
      return gap ?? message
    }),
    ['one', 'two', 'nul \u0000 and half \ud800', { first: 3, count: 7, reason: 'too fast' }],
  )
})
