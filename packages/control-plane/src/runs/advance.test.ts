import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RunCounts, RunSpec } from '@plexd/protocol'
import fc from 'fast-check'
import type { KyselyPlugin } from 'kysely'
import type { Tx } from '../store/db.ts'
import { type EnrolledNode, startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { advanceRun } from './advance.ts'
import { driveRuns } from './drive.ts'

type Step = { kind: (typeof kinds)[number]; of: number }
const kinds = [
  'success',
  'success',
  'success',
  'failure',
  'accept',
  'pause',
  'resume',
  'cancel',
  'cancel one',
  'drive',
  'remove node',
] as const

const spec = fc.record({
  max_parallel: fc.integer({ min: 1, max: 4 }),
  max_failures: fc.integer({ min: 0, max: 3 }),
  canary: fc.integer({ min: 0, max: 2 }),
})
const steps = fc.array(fc.record({ kind: fc.constantFrom(...kinds), of: fc.nat({ max: 100 }) }), {
  maxLength: 30,
})
const runs = Number(process.env.PLEXD_RUN_SEQUENCES ?? 6)

describe('a run in the database, whatever happens to it', () => {
  it(`has counts that are those of its nodes, and asks each node once: ${runs} sequences`, {
    timeout: 3_600_000,
  }, async () => {
    await using plane = await startControlPlane()
    await fc.assert(
      fc.asyncProperty(spec, steps, async (asked, sequence) => {
        const world = await createWorld(plane, asked)
        for (const step of sequence) {
          await world.take(step)
          await world.check()
        }
        await world.finish()
      }),
      { numRuns: runs },
    )
  })
})

const nodesPerRun = 6

describe('a run whose nodes begin', () => {
  it('reads them at once', async () => {
    await using plane = await startControlPlane()
    const { admin, app } = plane
    const nodes = await enrolSome(plane)
    const body = {
      nodes: nodes.map(({ node_id }) => node_id),
      max_parallel: 1,
      action: 'system.info',
    }
    const { id } = (await admin.createRun({ body })).body
    await app.change(({ tx }) =>
      tx.updateTable('runs').set({ max_parallel: nodesPerRun }).execute(),
    )
    let reads = 0
    const counting: KyselyPlugin = {
      transformQuery({ node }) {
        if (JSON.stringify(node).includes('run_nodes') && node.kind === 'SelectQueryNode') reads++
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const advanced = await app.change(
      (unit) => advanceRun({ ...unit, tx: unit.tx.withPlugin(counting) as Tx }, id, app), // the same with a plugin
    )
    assert.deepEqual([advanced?.run.running, reads], [nodesPerRun, 1])
  })
})

/** A run of new nodes, and what is done with it; calls that are refused change nothing. */
async function createWorld(
  plane: TestControlPlane,
  asked: Pick<RunSpec, 'max_parallel' | 'max_failures' | 'canary'>,
) {
  const { admin, app } = plane
  const nodes = await enrolSome(plane)
  const body = { ...asked, nodes: nodes.map(({ node_id }) => node_id), action: 'system.info' }
  const params = { run_id: (await admin.createRun({ body })).body.id }

  const executionsOf = async ({ node_id }: EnrolledNode) =>
    (await admin.listExecutions({ params: { node: node_id } })).body.items
  const openExecution = async (of: number) => {
    const node = nodes[of % nodes.length]
    const [execution] = node ? await executionsOf(node) : []
    return node && execution?.finished_at === null ? { node, id: execution.id } : undefined
  }
  async function ends(of: number, status: 'success' | 'failure'): Promise<void> {
    const open = await openExecution(of)
    const path = { node_id: open?.node.node_id ?? '', execution_id: open?.id ?? '' }
    await open?.node.api.finishExecution({ params: path, body: { status, exit_code: 0 } })
  }

  const acts: Record<Step['kind'], (of: number) => Promise<unknown>> = {
    success: (of) => ends(of, 'success'),
    failure: (of) => ends(of, 'failure'),
    async accept(of) {
      const open = await openExecution(of)
      const path = { node_id: open?.node.node_id ?? '', execution_id: open?.id ?? '' }
      await open?.node.api.ackExecution({ params: path, body: { status: 'accepted' } })
    },
    pause: () => admin.pauseRun({ params }),
    resume: () => admin.resumeRun({ params }),
    cancel: () => admin.cancelRun({ params }),
    async 'cancel one'(of) {
      const open = await openExecution(of)
      if (open) await admin.cancelExecution({ params: { execution_id: open.id } })
    },
    drive: () => driveRuns(app),
    'remove node': (of) =>
      admin.removeNode({ params: { node: nodes[of % nodes.length]?.node_id ?? '' } }),
  }

  async function check(): Promise<void> {
    const { counts, state } = (await admin.getRun({ params })).body
    const { items } = (await admin.listRunNodes({ params })).body
    assert.deepEqual(counts, countsOf(items.map(({ status }) => status)))
    assert.ok(counts.running <= (asked.max_parallel ?? 0))
    if (state === 'succeeded') assert.equal(counts.failed + counts.cancelled, 0)
    for (const node of nodes) {
      const ids = (await executionsOf(node)).map(({ id }) => id)
      assert.ok(ids.length <= 1, 'a node is asked once')
      const shown = items.find(({ node_id }) => node_id === node.node_id)
      assert.deepEqual(ids, shown?.execution_id ? [shown.execution_id] : [])
    }
  }

  return {
    check,
    take: ({ kind, of }: Step) =>
      acts[kind](of).catch((error: { status?: number }) => {
        // What has ended cannot be paused, and a node that was removed says nothing more.
        assert.ok([401, 404, 409].includes(error.status ?? 0), String(error))
      }),
    /** Every node that is left ends what it was asked for. */
    async finish(): Promise<void> {
      await acts.resume(0).catch(() => {})
      for (let turn = 0; turn <= nodesPerRun; turn++) {
        for (let of = 0; of < nodesPerRun; of++) await ends(of, 'success').catch(() => {})
        await driveRuns(app)
      }
      await check()
      const { ended_at } = (await admin.getRun({ params })).body
      assert.notEqual(ended_at, null, 'it has come to an end')
    },
  }
}

function countsOf(statuses: readonly string[]): RunCounts {
  const count = (...words: string[]) => statuses.filter((word) => words.includes(word)).length
  return {
    total: statuses.length,
    waiting: count('waiting'),
    running: count('running', 'cancelling', 'verifying'),
    succeeded: count('succeeded'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    skipped: count('skipped'),
    not_started: count('not_started'),
  }
}

async function enrolSome({ enrol }: TestControlPlane): Promise<EnrolledNode[]> {
  const capabilities = { builtin_actions: [{ name: 'system.info' }] }
  const nodes: EnrolledNode[] = []
  for (let at = 0; at < nodesPerRun; at++)
    nodes.push(await enrol(`node-${crypto.randomUUID()}`, { capabilities }))
  return nodes
}
