import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ForwardStatus } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const loki: ForwardStatus = {
  name: 'loki',
  kind: 'loki',
  url: 'http://loki:3100/loki/api/v1/push',
  tenant: null,
  selector: null,
  records: 'logs',
  sent: 7,
  refused: 1,
  removed: 0,
  lag_seconds: 12,
  sent_at: null,
  error: 'it answered 400: too old',
  error_at: '2025-01-15T10:29:00.000Z',
}

it('forwards list shows how far each is, and what its target says', async () => {
  await using bench = await startBench({ 'GET /admin/v1/forwards': { items: [loki] } })
  const { stdout } = await bench.run(['forwards', 'list'])
  assert.match(stdout, /loki +loki +logs +http:\S+ +7 +1 +0 +12s +- +it answered 400: too old/)
  assert.deepEqual(JSON.parse((await bench.run(['forwards', 'list', '--json'])).stdout), [loki])
})
