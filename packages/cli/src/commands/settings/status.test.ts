import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ControlPlaneView } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const common = { version: '0.1.0', seen_at: '2025-01-15T10:29:58.000Z' }
const items: ControlPlaneView[] = [
  {
    ...{
      id: 'a',
      machine: 'cp1',
      pid: 731,
      state: 'serving',
      streams: 7,
      address: '10.0.0.5:8443',
    },
    stun_servers: ['203.0.113.5:3478', '[2001:db8::5]:3478'],
    ...{ since: '2025-01-15T10:27:00.000Z', ...common },
  },
  {
    ...{ id: 'b', machine: 'cp2', pid: 9, state: 'waiting', streams: 0, address: '10.0.0.6:8443' },
    stun_servers: [],
    ...{ since: '2025-01-15T10:29:00.000Z', ...common },
  },
]

it('status shows which control plane serves, and which wait', async () => {
  await using bench = await startBench({ 'GET /admin/v1/control-planes': { items } })
  const { stdout } = await bench.run(['status'])
  assert.match(
    stdout,
    /^cp1 +731 +10\.0\.0\.5:8443 +203\.0\.113\.5:3478 \[2001:db8::5\]:3478 +0\.1\.0 +serving +3m +7 +2s$/m,
  )
  assert.match(stdout, /^cp2 +9 +10\.0\.0\.6:8443 +- +0\.1\.0 +waiting +60s +- +2s$/m)
  assert.deepEqual(JSON.parse((await bench.run(['status', '--json'])).stdout), items)
})
