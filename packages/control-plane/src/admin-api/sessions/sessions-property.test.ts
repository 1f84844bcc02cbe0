import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { it } from 'node:test'
import type { Session } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { closeForsakenSessions, closeOverdueSessions } from '../../jobs/sessions.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)}`
const capabilities = { sessions: { host_key: key, max_sessions: 10 } }
const reasons = ['revoked', 'expired', 'idle', 'shutdown', 'error', 'client_closed', 'refused']

/** `of` chooses among the sessions so far, or among the nodes. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('open' as const), of: fc.nat(1) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom('ready', 'ready', 'closed', 'claim', 'revoke'),
      of: fc.nat(100),
      reason: fc.constantFrom(...reasons, 'lost', 'a word of its own'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('remove a node', 'revoke the operator', 'kill'),
      of: fc.nat(1),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

interface Stage {
  plane: TestControlPlane
  readonly clock: ReturnType<typeof createFakeClock>
  readonly nodes: EnrolledNode[]
  /** Of the operator who opens them. */
  readonly operatorId: string
  readonly opener: string
  readonly folders: AsyncDisposableStack
}

it('a session only goes forward, and each one ends, whatever operators, nodes and the machine do in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using folders = new AsyncDisposableStack()
      const stage = await begin(folders)
      try {
        await walk(stage, steps)
      } finally {
        await stage.plane[Symbol.asyncDispose]()
      }
    }),
    { numRuns: 8 },
  )
})

async function begin(folders: AsyncDisposableStack): Promise<Stage> {
  const clock = createFakeClock()
  const { path: dataDir } = folders.use(await makeTemporaryFolder())
  const plane = await startControlPlane({ clock, dataDir })
  const nodes = [
    await plane.enrol('web', { capabilities }),
    await plane.enrol('db', { capabilities }),
  ]
  const { token } = await addOperator(plane, { name: 'opener' })
  const { body } = await plane.admin.listAdminTokens({})
  const operatorId = body.items.find(({ name }) => name === 'opener')?.id ?? ''
  return { plane, clock, nodes, operatorId, opener: token, folders }
}

async function walk(stage: Stage, steps: readonly Step[]): Promise<void> {
  let before: readonly Session[] = []
  for (const one of steps) {
    await take(stage, one, before)
    const after = await listed(stage)
    check(before, after)
    before = after
  }
  await stage.clock.advance(ttlMs + 30_000)
  await closeOverdueSessions(stage.plane.app)
  const last = await listed(stage)
  check(before, last)
  for (const { state, reason, closed_at } of last) {
    assert.equal(state, 'closed')
    assert.ok(reason !== null && closed_at !== null)
  }
}

const ttlMs = 60_000

async function take(stage: Stage, one: Step, known: readonly Session[]): Promise<void> {
  const { plane, clock } = stage
  // Two of the same millisecond have no order.
  await clock.advance(1)
  if ('ms' in one) {
    await clock.advance(one.ms)
    await closeOverdueSessions(plane.app)
    await closeForsakenSessions(plane.app)
  } else if ('reason' in one) {
    const chosen = known[one.of % Math.max(1, known.length)]
    if (chosen) await say(stage, one, chosen).catch(unlessRefused)
  } else if (one.do === 'open') {
    await open(stage, one.of).catch(unlessRefused)
  } else if (one.do === 'kill') {
    await kill(stage)
  } else if (one.do === 'remove a node') {
    const node = stage.nodes[one.of]?.node_id ?? ''
    await plane.admin.removeNode({ params: { node } }).catch(unlessRefused)
  } else {
    const params = { token_id: stage.operatorId }
    await plane.admin.revokeAdminToken({ params }).catch(unlessRefused)
  }
}

async function open({ plane, nodes, opener }: Stage, nth: number): Promise<void> {
  const body = {
    node: nodes[nth]?.node_id ?? '',
    login: 'deploy',
    public_key: key,
    way: 'relay',
    ttl: '1m',
  }
  const answer = await fetch(`${plane.url}/admin/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${opener}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.ok([201, 401, 404].includes(answer.status), await answer.text())
}

function say(
  { plane, nodes }: Stage,
  { do: what, reason }: { do: string; reason: string },
  { id, node_id }: Session,
): Promise<unknown> {
  if (what === 'revoke') return plane.admin.revokeSession({ params: { session: id } })
  // One claims the sessions of the other.
  const node = nodes.find((one) => (one.node_id === node_id) === (what !== 'claim'))
  const api = plane.clientFor(node?.token ?? '')
  const params = { node_id: node?.node_id ?? '', session_id: id }
  return what === 'ready'
    ? api.tunnelReady({ params, body: { listen_addr: 'relay' } })
    : api.tunnelClosed({ params, body: { reason, bytes_in: 1 } })
}

/** What is on the disk at this moment, and nothing else, is what the next one finds. */
async function kill(stage: Stage): Promise<void> {
  const { path: dataDir } = stage.folders.use(await makeTemporaryFolder())
  await cp(stage.plane.dataDir, dataDir, { recursive: true })
  await stage.plane[Symbol.asyncDispose]()
  stage.plane = await startControlPlane({ clock: stage.clock, dataDir })
}

function unlessRefused(error: unknown): void {
  const { status = 0 } = error as { status?: number } // any error
  if (![401, 404, 409].includes(status)) throw error
}

/** Oldest first. */
async function listed({ plane }: Stage): Promise<Session[]> {
  const { body } = await plane.admin.listSessions({})
  return body.items.toReversed()
}

const order = ['opening', 'open', 'closed']

function check(before: readonly Session[], after: readonly Session[]): void {
  const now = new Map(after.map((session) => [session.id, session]))
  for (const was of before) {
    const is = now.get(was.id)
    assert.ok(is, 'none is forgotten')
    assert.ok(order.indexOf(is.state) >= order.indexOf(was.state), 'no state is left backwards')
    if (was.state === 'closed' && was.reason !== 'lost')
      assert.deepEqual([is.reason, is.closed_at], [was.reason, was.closed_at], 'an end stays')
    if (was.bytes_in !== null) assert.equal(is.bytes_in, was.bytes_in, 'what was said stays')
  }
  for (const { state, reason, opened_at, closed_at } of after) {
    assert.equal(state === 'closed', reason !== null)
    if (closed_at !== null) assert.ok(closed_at >= opened_at)
  }
}
