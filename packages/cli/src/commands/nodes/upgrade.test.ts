import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { VersionCount } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aNode, aPage } from '../../testing/samples.ts'

const count: VersionCount = {
  version: '1.5.0',
  behind: true,
  nodes: 3,
  online: 2,
  verified: 1,
  mismatch: 0,
  unknown: 2,
  on_trial: 0,
  rolled_back: 0,
}

describe('upgrade status', () => {
  it('counts nodes by version', async () => {
    await using bench = await startBench({
      'GET /admin/v1/versions?selector=env%3Dprod': { newest: '1.6.0', items: [count] },
    })
    const { stdout } = await bench.run(['upgrade', 'status', '--selector', 'env=prod'])
    assert.match(stdout, /^1\.5\.0 \(behind\) +3 +2 +1 +0 +2 +0 +0 *$/m)
  })

  it('lists the nodes that came back from a version, with the reason', async () => {
    const upgrade = {
      version: '1.6.0',
      from: '1.5.0',
      status: 'rolled_back' as const,
      reason: 'no healthy heartbeat',
      at: '2025-01-15T10:25:00Z',
    }
    const fleet = { newest: '1.6.0', items: [{ ...count, rolled_back: 1 }] }
    await using bench = await startBench({
      'GET /admin/v1/versions': fleet,
      'GET /admin/v1/nodes?limit=500': aPage([aNode({ upgrade }), aNode({ hostname: 'db' })]),
    })
    const { stdout } = await bench.run(['upgrade', 'status'])
    assert.match(
      stdout,
      /^\(!\) web-01: 1\.5\.0 to 1\.6\.0, rolled back .* ago: no healthy heartbeat$/m,
    )
    assert.doesNotMatch(stdout, /db/)
    const { stdout: json } = await bench.run(['upgrade', 'status', '--json'])
    assert.partialDeepStrictEqual(JSON.parse(json), {
      ...fleet,
      troubles: [{ id: 'n_web', hostname: 'web-01', upgrade }],
    })
  })
})
