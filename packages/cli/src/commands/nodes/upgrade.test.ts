import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { VersionCount } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aNode, aPage, aRun } from '../../testing/samples.ts'

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

  it('says which versions the control plane does not serve', async () => {
    const version_trouble = 'plexd 1.5.0 is too old for a control plane 1.8.0'
    await using bench = await startBench({
      'GET /admin/v1/versions': { newest: '1.6.0', items: [{ ...count, version_trouble }] },
    })
    const { stdout } = await bench.run(['upgrade', 'status'])
    assert.match(stdout, /^\(!\) 3 nodes: plexd 1\.5\.0 is too old for a control plane 1\.8\.0$/m)
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

describe('upgrade VERSION', () => {
  it('starts a run on the nodes of a selector', async () => {
    await using bench = await startBench({ 'POST /admin/v1/upgrades': aRun({ id: 'run_7' }) })
    const argv = ['upgrade', '1.6.0', '--selector', 'env=prod', '--canary', '1']
    const { stdout } = await bench.run([...argv, '--max-parallel', '20', '--max-failures', '2'])
    assert.deepEqual(bench.server.requests[0]?.body, {
      selector: 'env=prod',
      canary: 1,
      max_parallel: 20,
      max_failures: 2,
      version: '1.6.0',
    })
    assert.match(stdout, /^started run_7: .*; see "plexctl action runs show run_7"$/m)
  })

  it('includes newer nodes, and others than a selector names, where that is asked for', async () => {
    await using bench = await startBench({ 'POST /admin/v1/upgrades': aRun() })
    const argv = ['upgrade', 'start', '1.6.0', '--node', 'a', '--node', 'b', '--allow-downgrade']
    await bench.run([...argv, '--timeout', '20m'])
    assert.deepEqual(bench.server.requests[0]?.body, {
      nodes: ['a', 'b'],
      timeout: '20m',
      version: '1.6.0',
      allow_downgrade: true,
    })
  })
})
