import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MoveStatus } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'

const status: MoveStatus = {
  urls: ['https://new.example.com'],
  url: 'https://old.example.com',
  nodes: 3,
  told_count: 2,
  there_count: 0,
  behind: [{ node_id: 'n_web', hostname: 'web', reason: 'it is offline' }],
  behind_count: 1,
  ahead: [{ node_id: 'n_db', hostname: 'db', reason: 'it heeds announcement 9' }],
  ahead_count: 1,
}

describe('move', () => {
  it('announces addresses in their order, and ends that', async () => {
    await using bench = await startBench({ 'PUT /admin/v1/move': { ...status, warnings: [] } })
    const { stdout } = await bench.run(['move', 'announce', 'https://a.example.com', 'https://b'])
    assert.match(stdout, /^3 nodes are told that the control plane will be at https:/)
    await bench.run(['move', 'end', '--yes'])
    assert.deepEqual(
      bench.server.requests.map(({ body }) => body),
      [{ urls: ['https://a.example.com', 'https://b'] }, { urls: [] }],
    )
  })

  it('shows who knows, who is there, and who will not follow', async () => {
    await using bench = await startBench({ 'GET /admin/v1/move': status })
    const { stdout } = await bench.run(['move', 'status'])
    assert.match(stdout, /^announced: +https:\/\/new\.example\.com\nis now at: +https:\/\/old/)
    assert.match(
      stdout,
      /\nknown to: +2 of 3 nodes\nthere: +0 of 3 nodes\nbehind: +web n_web \(it is/,
    )
    assert.match(stdout, /\nnot heeded by: +db n_db \(it heeds announcement 9\)\n/)
    const { stdout: json } = await bench.run(['move', 'status', '--json'])
    assert.deepEqual(JSON.parse(json), status)
  })
})
