import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DriftReport } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { aMemoryQueue, createMemoryFiles } from '../queue/testing/memory-queue.ts'
import { maxDriftReports, startDriftReports } from './drift-report.ts'
import type { Correction } from './plan.ts'

const metadata: Correction = { type: 'metadata_updated' }

describe('drift reports', () => {
  it('say what was corrected', async () => {
    await using setup = setUp()
    setup.reports.add([])
    setup.reports.add([
      { type: 'peer_removed', peer_id: '', public_key: 'k' },
      { type: 'policy_added', policy_id: 'pol_a' },
      { type: 'signing_keys_updated' },
      metadata,
    ])
    await setup.clock.advance(0)

    assert.deepEqual(setup.sent, [
      {
        timestamp: '2025-01-15T10:30:00.000Z',
        corrections: [
          { type: 'peer_removed', detail: 'k is no peer of this node' },
          { type: 'policy_added', detail: 'policy pol_a' },
          { type: 'signing_keys_updated', detail: 'signing keys rotated' },
          { type: 'metadata_updated', detail: 'metadata updated' },
        ],
      },
    ])
  })

  it('wait for the control plane, over a restart too, the latest 200', async () => {
    const files = createMemoryFiles()
    {
      await using setup = setUp(files)
      setup.failWith = new Error('down')
      for (let number = 0; number < 205; number++) {
        await setup.clock.advance(1_000)
        setup.reports.add([metadata])
      }
    }
    await using after = setUp(files)
    await after.clock.advance(0)

    assert.equal(after.sent.length, 200)
    assert.equal(after.sent[0]?.timestamp, '2025-01-15T10:30:06.000Z')
  })

  it('are cut into pieces that any server takes', async () => {
    await using setup = setUp()
    setup.reports.add(Array(2_500).fill(metadata))
    await setup.clock.advance(0)
    assert.deepEqual(
      setup.sent.map(({ corrections }) => corrections?.length),
      [1_000, 1_000, 500],
    )
  })
})

function setUp(files = createMemoryFiles()) {
  const clock = createFakeClock()
  const script = { failWith: undefined as Error | undefined, sent: [] as DriftReport[] }
  const client = {
    async reportDrift({ body }: { body: DriftReport }) {
      if (script.failWith) throw script.failWith
      script.sent.push(body)
      return { status: 200, headers: {}, body: {} }
    },
  }
  const limit = { bytes: 1e9, items: maxDriftReports }
  const reports = startDriftReports({
    queue: aMemoryQueue({ limit, whenFull: 'drop oldest' }, files),
    client,
    nodeId: 'n_test',
    describe: String,
    clock,
    log: silentLog,
  })
  return Object.assign(script, {
    reports,
    clock,
    [Symbol.asyncDispose]: () => reports[Symbol.asyncDispose](),
  })
}
