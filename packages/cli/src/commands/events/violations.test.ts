import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Violation } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aNode, aPage } from '../../testing/samples.ts'

const violation: Violation = {
  id: 1,
  node_id: 'n_web',
  node_hostname: 'web-01',
  received_at: '2025-01-15T10:29:00.000Z',
  record: {
    type: 'binary',
    path: 'plexd 1.5.0 linux/amd64',
    expected_checksum: 'sha256:ab',
    actual_checksum: 'sha256:cd',
    detail: 'none of its builds',
  },
}

describe('violation list', () => {
  it('names the node, the file, and what was found and expected', async () => {
    await using bench = await startBench()
    const since = new Date(bench.clock.now() - 3_600_000).toISOString()
    const line = `GET /admin/v1/violations?limit=500&since=${encodeURIComponent(since)}`
    await using scripted = await startBench({ [line]: aPage([violation]) })

    const { stdout } = await scripted.run(['violation', 'list', '--since', '1h'])

    assert.match(
      stdout,
      /2025-01-15T10:29:00\.000Z +web-01 +binary +plexd 1\.5\.0 linux\/amd64 +sha256:cd +sha256:ab +none of its builds/,
    )
  })
})

describe('a node whose binary is a mismatch', () => {
  it('is marked in the list and explained in full', async () => {
    const binary = {
      version: '1.5.0',
      checksum: 'sha256:cd',
      state: 'mismatch' as const,
      since: '2025-01-15T10:25:00Z',
    }
    await using bench = await startBench({
      'GET /admin/v1/nodes?limit=500': aPage([aNode({ binary })]),
      'GET /admin/v1/nodes/web-01': aNode({ binary }),
    })
    const list = await bench.run(['node', 'list'])
    assert.match(list.stdout, /web-01 \(!\) .* online, binary mismatch /)
    assert.match(list.stdout, /\(!\) web-01 has run for .* calls itself plexd 1\.5\.0 .* sha256:cd/)
    const show = await bench.run(['node', 'show', 'web-01'])
    assert.match(show.stdout, /^binary: +mismatch, sha256:cd$/m)
    assert.match(show.stdout, /^not what it says: +has run for /m)
  })
})
