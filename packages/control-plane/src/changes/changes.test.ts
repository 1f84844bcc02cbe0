import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type NodeState, newId, type Peer, type PolicyRule } from '@plexd/protocol'
import fc from 'fast-check'
import type { App } from '../app.ts'
import { parsePosition } from '../log/position.ts'
import { markOnline } from '../nodes/status.ts'
import { putLabels } from '../nodes/unconfirmed.ts'
import { replaceSigningKey } from '../rotation/signing-key.ts'
import { loadFleet } from '../rows/fleet/load-fleet.ts'
import { type EventReader, openEventReader, type ReceivedBlock } from '../testing/event-reader.ts'
import {
  type EnrolledNode,
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
} from '../testing/harness.ts'
import { changeNode } from './nodes.ts'
import { changePolicy } from './policies.ts'

/** A node that pulls its state once, and from then on folds in what it is sent. */
interface Follower {
  node: EnrolledNode
  state: NodeState
  reader: EventReader
  folded: number
}

const roles = ['web', 'db', 'cache'] as const
const sides = ['*', 'role=web', 'role=db', '!role', 'env=prod', 'node:red', '10.100.0.0/30']

const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('enrol' as const) }) },
  { weight: 1, arbitrary: nth('leave') },
  { weight: 1, arbitrary: nth('removal by force') },
  { weight: 3, arbitrary: nth('endpoint') },
  { weight: 2, arbitrary: nth('rotate') },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('relabel' as const),
      nth: fc.nat(20),
      role: fc.constantFrom(...roles, undefined),
      env: fc.constantFrom('prod', undefined),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('rename' as const),
      nth: fc.nat(20),
      hostname: fc.constantFrom('red', 'blue'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('status' as const),
      nth: fc.nat(20),
      status: fc.constantFrom('unreachable' as const, 'offline' as const, 'online' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('policy' as const),
      name: fc.constantFrom('allow-all', 'p1', 'p2'),
      rules: fc.option(
        fc.array(
          fc.record({
            from: fc.constantFrom(...sides),
            to: fc.constantFrom(...sides),
            action: fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
          }),
          { maxLength: 3 },
        ),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('entry' as const),
      nth: fc.nat(20),
      kind: fc.constantFrom('data' as const, 'secret' as const),
      key: fc.constantFrom('a', 'tls/key'),
      selector: fc.constantFrom('*', 'role=web', 'env=prod', undefined),
      value: fc.option(fc.nat(3)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('entry' as const),
      nth: fc.nat(20),
      kind: fc.constant('data' as const),
      key: fc.constantFrom('a', 'said'),
      selector: fc.constantFrom('reported.env=prod', 'env=prod,!reported.env'),
      value: fc.option(fc.nat(3)),
    }),
  },
  { weight: 1, arbitrary: nth('reconnect') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('new signing key' as const) }) },
)
type AnyChange = typeof change extends fc.Arbitrary<infer T> ? T : never

describe('events', () => {
  it('fold into exactly the state that a pull gives, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 10, maxLength: 40 }), async (changes) => {
        // Nodes move without pause here, and each move is to be heard of.
        await using plane = await startControlPlane({
          config: { limits: { endpoint_changes: 1_000_000, key_rotations_per_minute: 1_000_000 } },
        })
        await using stack = new AsyncDisposableStack()
        const followers: Follower[] = []
        for (const step of changes) await make(step, plane, followers, stack)
        for (const follower of followers) {
          await catchUp(plane, follower)
          const { body } = await follower.node.api.getState({ params: follower.node })
          assert.deepEqual(comparable(follower.state), comparable(body))
        }
        // What a restart would read is what is in memory.
        const { fleet, store, clock } = plane.app
        const onDisk = await loadFleet(store.reader, clock.now())
        assert.deepEqual([...onDisk.allNodes()], [...fleet.allNodes()])
      }),
      { numRuns: Number(process.env.PLEXD_FOLD_RUNS ?? 12) },
    )
  })
})

async function make(
  step: AnyChange,
  plane: TestControlPlane,
  followers: Follower[],
  stack: AsyncDisposableStack,
): Promise<void> {
  const { app } = plane
  const at = 'nth' in step ? step.nth % Math.max(1, followers.length) : 0
  const follower = followers[at]
  switch (step.do) {
    case 'enrol':
      followers.push(stack.use(await follow(plane, followers.length)))
      return
    case 'new signing key':
      await replaceSigningKey(app, 3_600_000).catch(() => {})
      return
    case 'policy':
      return putPolicy(app, step.name, step.rules)
  }
  if (!follower) return
  const { node } = follower
  switch (step.do) {
    case 'leave':
      await catchUp(plane, follower)
      followers.splice(at, 1)
      await node.api.deregister({ params: node })
      return
    case 'removal by force':
      followers.splice(at, 1)
      await plane.admin.removeNode({ params: { node: node.node_id }, query: { force: 'true' } })
      return
    case 'endpoint': {
      const port = 1 + Math.floor(Math.random() * 60_000)
      const body = { public_endpoint: `203.0.113.1:${port}` }
      await node.api.putEndpoint({ params: node, body })
      return
    }
    case 'rotate':
      await node.api.rotateKeys({ body: { node_id: node.node_id, new_public_key: newPublicKey() } })
      return
    case 'relabel':
      await relabel(app, node.node_id, {
        ...(step.role ? { role: step.role } : {}),
        ...(step.env ? { env: step.env } : {}),
      })
      return
    case 'rename': {
      const { hostname } = step
      const params = { node: node.node_id }
      // Another node may be called so.
      await plane.admin.renameNode({ params, body: { hostname } }).catch(() => {})
      return
    }
    case 'status':
      if (step.status === 'online') return markOnline(app, node.node_id)
      await app.change(async (unit) => {
        const record = unit.fleet.node(node.node_id)
        if (record) await changeNode(unit, { ...record, status: step.status })
      })
      // Its stream has ended with that.
      if (step.status === 'offline') await reconnect(plane, follower)
      return
    case 'entry':
      return putEntry(plane, step, node.node_id)
    case 'reconnect':
      await catchUp(plane, follower)
      return reconnect(plane, follower)
  }
}

async function reconnect(plane: TestControlPlane, follower: Follower): Promise<void> {
  await follower.reader[Symbol.asyncDispose]()
  follower.reader = await open(plane, follower.node, follower.state.revision)
  follower.folded = 0
}

async function follow(plane: TestControlPlane, index: number): Promise<Follower & AsyncDisposable> {
  const node = await plane.enrol(`node-${index}-${crypto.randomUUID()}`)
  const { body: state } = await node.api.getState({ params: node })
  const follower = { node, state, folded: 0, reader: await open(plane, node, state.revision) }
  return Object.assign(follower, {
    [Symbol.asyncDispose]: () => follower.reader[Symbol.asyncDispose](),
  })
}

function open(plane: TestControlPlane, node: EnrolledNode, lastEventId = ''): Promise<EventReader> {
  return openEventReader(plane.url, { token: node.token, nodeId: node.node_id, lastEventId })
}

/** Folds in all that the node was to be sent. */
async function catchUp(plane: TestControlPlane, follower: Follower): Promise<void> {
  const no = plane.app.fleet.node(follower.node.node_id)?.no ?? 0
  while (follower.state.revision !== plane.app.heads.revisionOf(no)) {
    const block = await follower.reader.next()
    follower.state = await fold(follower, block)
  }
}

async function fold({ node, state }: Follower, block: ReceivedBlock): Promise<NodeState> {
  // A pull in between may have been ahead of the stream.
  if (seqOf(block.id) <= seqOf(state.revision)) return state
  if (block.envelope.event_type === 'resync')
    return (await node.api.getState({ params: node })).body
  return { ...foldOne(state, block, block.payload), revision: block.id ?? '' }
}

function seqOf(position = ''): number {
  return parsePosition(position)?.seq ?? 0
}

function foldOne(
  state: NodeState,
  block: ReceivedBlock,
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what this test is about
  payload: any,
): NodeState {
  const others = state.peers.filter(({ id }) => id !== payload.peer_id)
  const known = state.peers.find(({ id }) => id === payload.peer_id)
  switch (block.envelope.event_type) {
    case 'peer_added':
    case 'peer_key_rotated':
      return { ...state, peers: [...others, peerOf(payload)] }
    case 'peer_endpoint_changed':
      assert.ok(known, 'an endpoint is told of peers that are known only')
      return { ...state, peers: [...others, { ...peerOf(payload), psk: known.psk }] }
    case 'peer_removed':
      assert.ok(known, 'a removal is told of peers that are known only')
      return { ...state, peers: others }
    case 'policy_updated':
      return { ...state, policies: payload.policies }
    case 'signing_key_rotated': {
      const { current, previous, transition_expires } = payload
      return { ...state, signing_keys: { current, previous, transition_expires } }
    }
    case 'node_state_updated':
      return { ...state, metadata: payload.metadata, data: payload.data }
    case 'node_secrets_updated':
      return { ...state, secret_refs: payload.secret_refs }
    default:
      throw new Error(`unexpected event "${block.envelope.event_type}"`)
  }
}

function peerOf(peer: Peer): Peer {
  const { id, hostname = '', public_key, mesh_ip, endpoint, allowed_ips, psk, status } = peer
  const named = { id, hostname, public_key, mesh_ip, endpoint, allowed_ips, psk }
  return { ...named, ...(status ? { status } : {}) }
}

function comparable(state: NodeState) {
  return { ...state, peers: state.peers.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }
}

/** What is no label of `env` is what the node says of it. */
async function relabel(app: App, id: string, labels: Record<string, string>): Promise<void> {
  const reported: Record<string, string> = labels.env === undefined ? { env: 'prod' } : {}
  await app.change(async (unit) => {
    const node = unit.fleet.node(id)
    if (node) await putLabels(unit, node, { labels, reported, unconfirmed: [] })
  })
}

/** Writes a data entry or a secret for one node or a selector; no value deletes it. */
async function putEntry(
  { admin }: TestControlPlane,
  { kind, key, selector, value }: Extract<AnyChange, { do: 'entry' }>,
  node_id: string,
): Promise<void> {
  const target = selector === undefined ? { node_id } : { selector }
  const params = { key }
  if (value === null) {
    const remove = kind === 'data' ? admin.deleteData : admin.deleteSecret
    await remove({ params, query: target }).catch(ignoreMissing)
  } else if (kind === 'data') {
    const body = { target, content_type: 'application/json', payload: { value } }
    await admin.putData({ params, body })
  } else {
    await admin.putSecret({ params, body: { target, value: String(value) } })
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error
}

async function putPolicy(app: App, name: string, rules: PolicyRule[] | null): Promise<void> {
  await app.change(async (unit) => {
    const [tenant] = [...unit.fleet.allNodes()]
    if (!tenant) return
    const { tenant_id } = tenant
    const before = unit.fleet.policies(tenant_id).find((policy) => policy.name === name)
    const after = rules && {
      id: before?.id ?? newId('policy'),
      tenant_id,
      name,
      revision: (before?.revision ?? 0) + 1,
      position: before?.position ?? unit.fleet.policies(tenant_id).length + 1,
      rules,
    }
    await changePolicy(unit, { ...(before ? { before } : {}), ...(after ? { after } : {}) })
  })
}

function nth<const Do extends string>(name: Do) {
  return fc.record({ do: fc.constant(name), nth: fc.nat(20) })
}
