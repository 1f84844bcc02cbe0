import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MeshRange } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const first: MeshRange = {
  range: '10.100.0.0/16',
  nodes: 3,
  capacity: 65_279,
  takes_new: false,
  added_at: '2025-01-15T10:29:00Z',
}
const second = { ...first, range: '10.101.0.0/16', nodes: 0, takes_new: true }

describe('mesh range', () => {
  it('lists the ranges, and which new nodes take from', async () => {
    await using bench = await startBench({
      'GET /admin/v1/mesh/ranges': { items: [first, second] },
    })

    const { stdout: table } = await bench.run(['mesh', 'range', 'list'])
    const { stdout: json } = await bench.run(['mesh', 'range', 'list', '--json'])

    assert.match(table, /^10\.100\.0\.0\/16 +3 +65279 +- +60s$/m)
    assert.match(table, /^10\.101\.0\.0\/16 +0 +65279 +take from it +60s$/m)
    assert.deepEqual(JSON.parse(json), [first, second])
  })

  it('adds one, and says whom it may not do for', async () => {
    const answer = { ...second, warnings: ['"lan" has the address 10.101.0.9'] }
    await using bench = await startBench({ 'POST /admin/v1/mesh/ranges': answer })

    const { stdout, stderr } = await bench.run(['mesh', 'range', 'add', '10.101.0.0/16'])

    assert.deepEqual(bench.server.requests[0]?.body, { range: '10.101.0.0/16' })
    assert.equal(stderr, 'warning: "lan" has the address 10.101.0.9\n')
    assert.equal(stdout, 'new nodes take their addresses from 10.101.0.0/16 now\n')
  })
})
