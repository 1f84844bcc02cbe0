import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { countOpenRuns } from '../rows/executions/runs.ts'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { createRun } from './create-run.ts'
import { forgetAbandoned } from './drive.ts'

describe('a run of which a slice cannot be written', () => {
  it('counts no longer than some minutes, even if it cannot be deleted either', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    await plane.enrol('web')
    const [{ tenant_id: tenantId = '' } = {}] = plane.app.fleet.allNodes()
    const openRuns = () => countOpenRuns(plane.app.store.reader, tenantId)

    await assert.rejects(createRun(failingAfterOne(plane), aRunOf(tenantId, 501)), /disk is full/)

    assert.equal(await openRuns(), 1)
    await forgetAbandoned(plane.app)
    assert.equal(await openRuns(), 1, 'it may be one that is being written')
    await clock.advance(5 * 60_000 + 1)
    await forgetAbandoned(plane.app)
    assert.equal(await openRuns(), 0)
  })
})

/** A place where one unit can be written, and nothing after it. */
function failingAfterOne({ app }: TestControlPlane): Parameters<typeof createRun>[0] {
  let units = 0
  const full = () => Promise.reject(new Error('database or disk is full'))
  return {
    ...app,
    store: { ...app.store, write: full },
    change: (work) => (units++ === 0 ? app.change(work) : full()),
  }
}

function aRunOf(tenantId: string, count: number): Parameters<typeof createRun>[1] {
  return {
    tenantId,
    selector: null,
    nodes: Array.from({ length: count }, (_, position) => ({
      position,
      node_id: `n_${position}`,
      status: 'waiting' as const,
      reason: '',
    })),
    action: 'system.info',
    parameters: {},
    maxParallel: 1,
    maxFailures: 0,
    canary: 0,
    criterion: null,
    runExpiresMs: 1_000,
    triggeredBy: {},
  }
}
