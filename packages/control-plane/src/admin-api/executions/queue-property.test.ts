import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Execution } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { expireExecutions, retryHeld } from '../../jobs/executions.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const room = 3
const capabilities = { builtin_actions: [{ name: 'system.info' }], max_concurrent: room }
const answers = {
  accept: { status: 'accepted' },
  reject: { status: 'rejected', reason: 'unknown_action' },
  'no room': { status: 'rejected', reason: 'max_concurrent_reached' },
} as const

/** `of` chooses among the executions so far. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('accept', 'reject', 'no room', 'finish', 'finish', 'cancel'),
      of: fc.nat(100),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30_000) }) },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

it('keeps to the room, the order and what was said before, whatever node and operator say in whatever order', async () => {
  const clock = createFakeClock()
  await using plane = await startControlPlane({ clock })
  let name = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const hostname = `node-${name++}`
      const node = await plane.enrol(hostname, { capabilities })
      await walk({ plane, clock, node, hostname }, steps)
    }),
    { numRuns: 30 },
  )
})

interface Stage {
  plane: TestControlPlane
  clock: ReturnType<typeof createFakeClock>
  node: EnrolledNode
  hostname: string
}

async function walk(stage: Stage, steps: readonly Step[]): Promise<void> {
  let before: readonly Execution[] = []
  /** For which the node had no room. */
  const refused = new Set<string>()
  for (const one of steps) {
    await take(stage, one, before)
    const after = await listed(stage)
    check(before, after, refused)
    for (const { id, status, reason } of after)
      if (status === 'queued' && reason !== '') refused.add(id)
    before = after
  }
}

async function take(
  { plane, clock, node, hostname }: Stage,
  one: Step,
  known: readonly Execution[],
): Promise<void> {
  // Two of the same millisecond have no order.
  await clock.advance(1)
  if (one.do === 'run') {
    await plane.admin.runAction({ params: { node: hostname }, body: { action: 'system.info' } })
  } else if ('ms' in one) {
    await clock.advance(one.ms)
    await expireExecutions(plane.app)
    await retryHeld(plane.app)
  } else if ('of' in one) {
    const chosen = known[one.of % Math.max(1, known.length)]
    if (chosen) await say(plane, node, one.do, chosen.id).catch(unlessContradiction)
  }
}

function say(
  { admin }: TestControlPlane,
  { api, node_id }: EnrolledNode,
  what: 'finish' | 'cancel' | keyof typeof answers,
  execution_id: string,
): Promise<unknown> {
  if (what === 'cancel') return admin.cancelExecution({ params: { execution_id } })
  const params = { node_id, execution_id }
  return what === 'finish'
    ? api.finishExecution({ params, body: { status: 'success', exit_code: 0 } })
    : api.ackExecution({ params, body: answers[what] })
}

function unlessContradiction(error: unknown): void {
  if ((error as { status?: number }).status !== 409) throw error // any error
}

/** Oldest first. */
async function listed({ plane, hostname }: Stage): Promise<Execution[]> {
  const { body } = await plane.admin.listExecutions({ params: { node: hostname } })
  return body.items.toReversed()
}

function check(
  before: readonly Execution[],
  after: readonly Execution[],
  refused: ReadonlySet<string>,
): void {
  const was = new Map(before.map((execution) => [execution.id, execution]))
  // One that the node accepts although it is queued is beyond the room by the node's own choice.
  const sent = after.filter(({ status }) => status === 'pending')
  const isNewlySent = sent.some(({ id, sent_at }) => was.get(id)?.sent_at !== sent_at)
  const outstanding = after.filter(({ status }) => status === 'pending' || status === 'accepted')
  if (isNewlySent) assert.ok(outstanding.length <= room, 'no more are sent than there is room for')

  const queued = after.filter(({ status }) => status === 'queued')
  if (queued.length > 0 && outstanding.length < room)
    assert.ok(
      queued.some(({ reason }) => reason !== '') || sent.some(({ id }) => refused.has(id)),
      'one waits although there is room only if the node had none, and has not taken since what it had none for',
    )
  const fresh = sent.filter(({ id }) => (was.get(id)?.status ?? 'queued') === 'queued')
  for (const { id } of fresh)
    assert.ok(
      queued.every(
        ({ id: other }) => other > '' && positionOf(after, other) > positionOf(after, id),
      ),
      'the first that waits is sent first',
    )

  for (const { id, status, late, exit_code } of after) {
    const old = was.get(id)
    if (old?.status === 'rejected' || old?.status === 'success')
      assert.deepEqual([status, exit_code], [old.status, old.exit_code], 'what was said stays')
    if (late) assert.equal(status, 'success')
  }
}

function positionOf(all: readonly Execution[], id: string): number {
  return all.findIndex((one) => one.id === id)
}
