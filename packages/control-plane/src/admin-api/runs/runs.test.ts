import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExecutionResult, newId, type Run, type RunNode, type RunSpec } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { expireExecutions } from '../../jobs/executions.ts'
import { changeRun } from '../../rows/executions/runs.ts'
import { insertNode } from '../../rows/fleet/nodes.ts'
import { driveRuns } from '../../runs/drive.ts'
import {
  type EnrolledNode,
  type HarnessOptions,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'

describe('a run of an action on many nodes', () => {
  it('goes to the nodes of a selector, so many at a time, until all have succeeded', async () => {
    await using fleet = await openFleet(['a', 'b', 'c', 'd', 'e'])

    const started = await fleet.run({ selector: 'env=prod', max_parallel: 2 })
    assert.deepEqual(
      [started.state, started.counts.running, started.counts.waiting],
      ['running', 2, 3],
    )

    for (const host of ['b', 'a', 'c', 'd', 'e']) await fleet.ends(host)
    const { state, reason, counts, ended_at } = await fleet.shown(started)
    assert.deepEqual([state, reason, counts.succeeded], ['succeeded', '', 5])
    assert.notEqual(ended_at, null)
    assert.equal(fleet.mostAtOnce(), 2)
  })

  it('takes the nodes of a list in their order, each once', async () => {
    await using fleet = await openFleet(['a', 'b', 'c'])
    const { id } = await fleet.run({ nodes: ['c', 'a', 'c'], max_parallel: 1 })
    const nodes = await fleet.nodesOf(id)
    assert.deepEqual(
      nodes.map(({ node_hostname, status }) => [node_hostname, status]),
      [
        ['c', 'running'],
        ['a', 'waiting'],
      ],
    )
  })

  it('runs a hook as long as each node declares, unless it is told how long', async () => {
    await using fleet = await openFleet([])
    const { admin, enrol } = fleet.plane
    for (const [host, timeout] of [
      ['a', '5m'],
      ['b', '7m'],
    ] as const)
      await enrol(host, { capabilities: { hooks: [{ name: 'backup', checksum: 'ab', timeout }] } })
    const timeouts = async () => {
      const lists = ['a', 'b'].map((node) => admin.listExecutions({ params: { node } }))
      return (await Promise.all(lists)).map(({ body }) => body.items[0]?.timeout)
    }
    const run = await fleet.run({ selector: '*', action: 'backup' })
    assert.deepEqual([run.timeout, ...(await timeouts())], [null, '5m0s', '7m0s'])
    const told = await fleet.run({ selector: '*', action: 'backup', timeout: '1m' })
    assert.equal(told.timeout, '1m0s')
    assert.deepEqual(await timeouts(), ['1m0s', '1m0s'])
  })

  it('is named by the executions that are of it', async () => {
    await using fleet = await openFleet(['a'])
    const { admin } = fleet.plane
    const body = { action: 'system.info' }
    const { body: alone } = await admin.runAction({ params: { node: 'a' }, body })
    const run = await fleet.run({ selector: '*' })
    const { items } = (await admin.listExecutions({ params: { node: 'a' } })).body
    assert.deepEqual(new Set(items.map(({ run_id }) => run_id)), new Set([run.id, null]))
    const ids = [alone.id, (await fleet.nodesOf(run.id))[0]?.execution_id ?? '']
    const shown = ids.map((execution_id) => admin.getExecution({ params: { execution_id } }))
    assert.deepEqual(
      (await Promise.all(shown)).map(({ body }) => body.run_id),
      [null, run.id],
    )
    const execution_id = ids[1] ?? ''
    const { body: cancelled } = await admin.cancelExecution({ params: { execution_id } })
    assert.equal(cancelled.run_id, run.id)
  })

  it('keeps the nodes that it was created with', async () => {
    await using fleet = await openFleet(['a', 'b'])
    const run = await fleet.run({ selector: 'env=prod', max_parallel: 1 })
    await fleet.plane.admin.setNodeMetadata({ params: { node: 'b' }, body: { remove: ['env'] } })
    await fleet.ends('a')
    await fleet.ends('b')
    assert.equal((await fleet.shown(run)).counts.succeeded, 2)
  })

  it('stops at the first failure, and says so while the others end', async () => {
    await using fleet = await openFleet(['a', 'b', 'c', 'd'])
    const run = await fleet.run({ selector: '*', max_parallel: 2 })
    await fleet.ends('a', { status: 'failure', exit_code: 3 })
    const stopping = await fleet.shown(run)
    assert.deepEqual(
      [stopping.state, stopping.reason],
      ['running', '1 node failed, and max_failures is 0, and 2 nodes did not begin'],
    )
    await fleet.ends('b')
    const { state, counts } = await fleet.shown(run)
    assert.equal(state, 'failed')
    assert.deepEqual([counts.failed, counts.succeeded, counts.not_started], [1, 1, 2])
    const [first, , third] = await fleet.nodesOf(run.id)
    assert.deepEqual([first?.status, first?.reason, first?.exit_code], ['failed', 'exit code 3', 3])
    assert.deepEqual([third?.status, third?.execution_id], ['not_started', null])
    const listed = await fleet.plane.admin.listRunNodes({
      params: { run_id: run.id },
      query: { status: 'not_started' },
    })
    assert.equal(listed.body.items.length, 2)
  })

  it('goes on while no more fail than may, and is then retried on those that failed', async () => {
    await using fleet = await openFleet(['a', 'b', 'c', 'd'])
    const spec = { selector: '*', max_parallel: 1, max_failures: 2, parameters: { level: '1' } }
    const run = await fleet.run(spec)
    await fleet.ends('a', { status: 'failure', exit_code: 1 })
    await fleet.ends('b')
    await fleet.ends('c', { status: 'timeout' })
    await fleet.ends('d')
    const { state, reason } = await fleet.shown(run)
    assert.deepEqual([state, reason], ['failed', '2 nodes failed'])

    const params = { run_id: run.id }
    const { body: again } = await fleet.plane.admin.retryRun({ params, body: {} })
    assert.deepEqual(
      [again.retry_of, again.selector, again.parameters],
      [run.id, null, { level: '1' }],
    )
    const hosts = (await fleet.nodesOf(again.id)).map(({ node_hostname }) => node_hostname)
    assert.deepEqual(hosts, ['a', 'c'])
    await assert.rejects(fleet.plane.admin.retryRun({ params: { run_id: again.id }, body: {} }), {
      status: 409,
      message: /has not ended/,
    })
    await fleet.ends('a')
    await fleet.ends('c')
    await assert.rejects(fleet.plane.admin.retryRun({ params: { run_id: again.id }, body: {} }), {
      status: 409,
      message: /has no node that failed/,
    })
  })

  it('lets the canaries go first, and stops when one of them fails', async () => {
    await using fleet = await openFleet(['a', 'b', 'c', 'd'])
    const good = await fleet.run({ selector: '*', canary: 1, max_failures: 9 })
    assert.equal(good.counts.running, 1)
    await fleet.ends('a')
    assert.equal((await fleet.shown(good)).counts.running, 3)
    for (const host of ['b', 'c', 'd']) await fleet.ends(host)

    const bad = await fleet.run({ selector: '*', canary: 2, max_failures: 9 })
    await fleet.ends('a')
    await fleet.ends('b', { status: 'failure', exit_code: 1 })
    const { state, reason } = await fleet.shown(bad)
    assert.deepEqual(
      [state, reason],
      ['failed', '1 of the first 2 nodes failed, and 2 nodes did not begin'],
    )
  })

  it('waits for a healthy heartbeat of each node behind the action, when that is asked for', async () => {
    const clock = createFakeClock()
    await using fleet = await openFleet(['a', 'b', 'c'], { clock })
    const spec = { selector: '*', canary: 1, max_failures: 1, healthy_within: '20s' }
    const run = await fleet.run(spec)
    assert.equal(run.healthy_within, '20s')
    await fleet.beats('a', 'healthy')
    await fleet.follow()
    await clock.advance(1)
    await fleet.ends('a')
    const [first] = await fleet.nodesOf(run.id)
    assert.equal(first?.status, 'verifying', 'what it said before says nothing')
    await clock.advance(1)
    await fleet.beats('a', 'degraded')
    await fleet.follow()
    assert.equal((await fleet.shown(run)).counts.waiting, 2)
    await fleet.beats('a', 'healthy')
    await fleet.follow()
    assert.deepEqual((await fleet.shown(run)).counts.running, 2)

    await fleet.ends('b', { status: 'failure', exit_code: 1 })
    await fleet.ends('c')
    await clock.advance(20_000)
    await fleet.follow()
    const { state, counts } = await fleet.shown(run)
    assert.deepEqual([state, counts.succeeded, counts.failed], ['failed', 1, 2])
    assert.deepEqual(
      (await fleet.nodesOf(run.id)).map(({ reason }) => reason),
      ['', 'exit code 1', 'it ran, and no healthy heartbeat came within 20s'],
    )
  })

  it('skips nodes that do not know the action, and says why', async () => {
    await using fleet = await openFleet(['a'])
    await fleet.plane.enrol('other', { capabilities: { builtin_actions: [{ name: 'x' }] } })
    await fleet.plane.enrol('go', { capabilities: null })
    const run = await fleet.run({ selector: '*' })
    await fleet.ends('a')
    assert.equal((await fleet.shown(run)).state, 'succeeded')
    const [, other, go] = await fleet.nodesOf(run.id)
    assert.deepEqual(
      [other?.status, other?.reason],
      ['skipped', 'the node knows no action "system.info": it knows x'],
    )
    assert.match(go?.reason ?? '', /it has announced no action/)
  })

  it('is refused when it is for no node, or for none that knows the action', async () => {
    await using fleet = await openFleet(['a'])
    const refusals: [spec: Partial<RunSpec>, message: string | RegExp][] = [
      [{ selector: 'env=test' }, 'selector "env=test" matches no node'],
      [
        { selector: '*', action: 'x' },
        'no node of selector "*" can run "x": a: the node knows no action "x": it knows system.info',
      ],
      [{ selector: 'a b' }, /^parse selector "a b"/],
      [{}, 'want either selector or nodes'],
      [{ selector: '*', nodes: ['a'] }, 'want either selector or nodes'],
      [{ selector: '*', timeout: '25h' }, /^timeout "25h": want a duration/],
      [{ selector: '*', run_expires: '1y' }, /^run_expires "1y": want a duration/],
      [{ selector: '*', parameters: { a: 'x'.repeat(40_000) } }, /action_parameter_bytes/],
    ]
    for (const [spec, message] of refusals)
      await assert.rejects(fleet.run(spec), { status: 400, message })
    await assert.rejects(fleet.run({ nodes: ['nobody'] }), { status: 404 })
    assert.deepEqual((await fleet.plane.admin.listRuns({})).body.items, [])
  })

  it('has no more nodes, and goes beside no more runs, than the limits allow', async () => {
    const limits = { run_nodes: 2, open_runs: 1 }
    await using fleet = await openFleet(['a', 'b', 'c'], { config: { limits } })
    await assert.rejects(fleet.run({ selector: '*' }), {
      status: 400,
      message: 'selector "*" names 3 nodes, and run_nodes is 2: make several runs of it',
    })
    await fleet.run({ nodes: ['a'] })
    await assert.rejects(fleet.run({ nodes: ['b'] }), { status: 409, message: /open_runs/ })
    await fleet.ends('a')
    await fleet.run({ nodes: ['b'] })
  })

  it('is paused and goes on', async () => {
    await using fleet = await openFleet(['a', 'b'])
    const { id } = await fleet.run({ selector: '*', max_parallel: 1 })
    const params = { run_id: id }
    const { admin } = fleet.plane
    assert.equal((await admin.pauseRun({ params })).body.state, 'paused')
    await fleet.ends('a')
    const { state, counts } = (await admin.pauseRun({ params })).body
    assert.deepEqual([state, counts.waiting, counts.running], ['paused', 1, 0])
    assert.equal((await admin.resumeRun({ params })).body.counts.running, 1)
    await fleet.ends('b')
    await assert.rejects(admin.pauseRun({ params }), {
      status: 409,
      message: `run "${id}" cannot be paused: it has succeeded`,
    })
    await assert.rejects(admin.cancelRun({ params }), { status: 409, message: /has succeeded/ })
  })

  it('does not hang on a node that never answers', async () => {
    const clock = createFakeClock()
    await using fleet = await openFleet(['a', 'b'], { clock })
    const run = await fleet.run({ selector: '*', max_parallel: 1, max_failures: 1, timeout: '10s' })
    await clock.advance(41_000)
    await expireExecutions(fleet.plane.app)
    await fleet.ends('b')
    const { state, counts } = await fleet.shown(run)
    assert.deepEqual([state, counts.failed, counts.succeeded], ['failed', 1, 1])
    assert.match((await fleet.nodesOf(run.id))[0]?.reason ?? '', /^expired/)
    // Too late for the run, and not for the execution.
    await fleet.ends('a')
    assert.equal((await fleet.shown(run)).counts.failed, 1)
  })

  it('skips a node that was removed before its turn, and does not wait for one that was removed in it', async () => {
    await using fleet = await openFleet(['a', 'b', 'c'])
    const run = await fleet.run({ selector: '*', max_parallel: 1, max_failures: 1 })
    // In this order, as otherwise the end of one would be the turn of the other.
    for (const node of ['b', 'a']) await fleet.plane.admin.removeNode({ params: { node } })
    await fleet.follow()
    await fleet.ends('c')
    const nodes = await fleet.nodesOf(run.id)
    assert.deepEqual(
      nodes.map(({ node_hostname, status, reason }) => [node_hostname, status, reason]),
      [
        ['a', 'failed', 'cancelled: the node was removed'],
        ['b', 'skipped', 'the node was removed'],
        ['c', 'succeeded', ''],
      ],
    )
    assert.equal((await fleet.shown(run)).state, 'failed')
  })

  it('is cancelled: on nodes that did not accept it at once, on others when they say so', async () => {
    await using fleet = await openFleet(['a', 'b', 'c', 'd'])
    const run = await fleet.run({ selector: '*', max_parallel: 3, max_failures: 4 })
    await fleet.accepts('a')
    await fleet.accepts('b')
    const params = { run_id: run.id }
    const { body } = await fleet.plane.admin.cancelRun({ params })
    assert.deepEqual(
      [body.state, body.reason, body.counts.running, body.counts.cancelled],
      ['running', 'an operator cancelled it, and 1 node did not begin', 2, 1],
    )
    const statuses = async () => (await fleet.nodesOf(run.id)).map(({ status }) => status)
    assert.deepEqual(await statuses(), ['cancelling', 'cancelling', 'cancelled', 'waiting'])
    await assert.rejects(fleet.plane.admin.pauseRun({ params }), { status: 409 })
    await assert.rejects(fleet.plane.admin.resumeRun({ params }), { status: 409 })
    await fleet.plane.admin.cancelRun({ params })

    await fleet.ends('a', { status: 'cancelled' })
    await fleet.ends('b')
    assert.deepEqual(await statuses(), ['cancelled', 'succeeded', 'cancelled', 'not_started'])
    const { state, ended_at } = (await fleet.plane.admin.cancelRun({ params })).body
    assert.equal(state, 'cancelled')
    assert.notEqual(ended_at, null)

    const { body: again } = await fleet.plane.admin.retryRun({ params, body: { unfinished: true } })
    const hosts = (await fleet.nodesOf(again.id)).map(({ node_hostname }) => node_hostname)
    assert.deepEqual(hosts, ['a', 'c', 'd'])
  })

  it('is cancelled on every node, also when a crash came before the nodes were told', async () => {
    await using fleet = await openFleet(['a', 'b', 'c'])
    const run = await fleet.run({ selector: '*', max_parallel: 2 })
    await fleet.accepts('a')
    await fleet.plane.app.change(({ tx }) => changeRun(tx, run.id, { stop: 'cancelled' }))
    await fleet.follow()
    const statuses = (await fleet.nodesOf(run.id)).map(({ status }) => status)
    assert.deepEqual(statuses, ['cancelling', 'cancelled', 'waiting'])
    await fleet.ends('a', { status: 'cancelled' })
    assert.equal((await fleet.shown(run)).state, 'cancelled')
  })

  it('goes on beside one that cannot', async () => {
    await using fleet = await openFleet(['a', 'b'])
    const broken = await fleet.run({ selector: '*' })
    const run = await fleet.run({ nodes: ['a'] })
    await fleet.plane.app.change(async ({ tx }) => {
      await changeRun(tx, broken.id, { waiting: 1 })
      await changeRun(tx, run.id, { stop: 'cancelled' })
    })
    await fleet.follow()
    assert.equal((await fleet.shown(run)).state, 'cancelled')
  })

  it('waits for no heartbeat any more once it is cancelled', async () => {
    await using fleet = await openFleet(['a', 'b', 'c'])
    const run = await fleet.run({ selector: '*', max_parallel: 2, healthy_within: '24h' })
    await fleet.ends('a')
    await fleet.accepts('b')
    await fleet.plane.admin.cancelRun({ params: { run_id: run.id } })
    await fleet.ends('b')
    const reason = 'it ran, and the run was cancelled before a healthy heartbeat came'
    assert.deepEqual(
      (await fleet.nodesOf(run.id)).map((node) => [node.status, node.reason, node.exit_code]),
      [
        ['cancelled', reason, 0],
        ['cancelled', reason, 0],
        ['not_started', '', null],
      ],
    )
    const { state, counts } = await fleet.shown(run)
    assert.deepEqual([state, counts.cancelled], ['cancelled', 2])
  })

  it('has failed on a node that cancels by itself, as one that shuts down', async () => {
    await using fleet = await openFleet(['a'])
    const run = await fleet.run({ selector: '*' })
    await fleet.ends('a', { status: 'cancelled' })
    assert.equal((await fleet.shown(run)).counts.failed, 1)
  })

  it('ends as cancelled when two operators pause and cancel it at once, whoever is first', async () => {
    await using fleet = await openFleet(['a', 'b', 'c'])
    const { api: other } = await addOperator(fleet.plane)
    const { admin } = fleet.plane
    for (let time = 0; time < 10; time++) {
      const run = await fleet.run({ selector: '*', max_parallel: 2 })
      const params = { run_id: run.id }
      const [paused, cancelled] = await Promise.allSettled(
        time % 2 === 0
          ? [admin.pauseRun({ params }), other.cancelRun({ params })]
          : [other.cancelRun({ params }), admin.pauseRun({ params })].toReversed(),
      )
      assert.equal(cancelled?.status, 'fulfilled')
      if (paused?.status === 'rejected') assert.equal(paused.reason.status, 409)
      const { state, counts } = await fleet.shown(run)
      assert.deepEqual([state, counts.cancelled, counts.not_started], ['cancelled', 2, 1])
    }
  })

  it('is of 10,000 nodes, and keeps nobody waiting for long', async () => {
    await using fleet = await openFleet(['a'])
    const { app, admin } = fleet.plane
    const [{ tenant_id = '' } = {}] = app.fleet.allNodes()
    for (let at = 0; at < 9_999; at += 500)
      await app.change(async (unit) => {
        for (let no = at; no < Math.min(9_999, at + 500); no++)
          await insertNode(unit, aNewNode(tenant_id, no))
      })
    const run = await fleet.run({ selector: '*', max_parallel: 500, timeout: '10m' })
    assert.deepEqual(
      [run.counts.total, run.counts.running, run.counts.waiting],
      [10_000, 500, 9_500],
    )
    const { counts } = (await admin.cancelRun({ params: { run_id: run.id } })).body
    assert.deepEqual([counts.cancelled, counts.not_started], [500, 9_500])
  })

  it('expires, also while it is paused', async () => {
    const clock = createFakeClock()
    await using fleet = await openFleet(['a', 'b'], { clock })
    const run = await fleet.run({ selector: '*', max_parallel: 1, run_expires: '10s' })
    await fleet.plane.admin.pauseRun({ params: { run_id: run.id } })
    await fleet.ends('a')
    await clock.advance(10_000)
    await fleet.follow()
    const { state, reason } = await fleet.shown(run)
    assert.deepEqual([state, reason], ['failed', 'it expired, and 1 node did not begin'])
  })

  it('waits longer when the clock is set back, and asks no node twice', async () => {
    const clock = createFakeClock()
    await using fleet = await openFleet(['a', 'b'], { clock })
    const run = await fleet.run({ selector: '*', max_parallel: 1 })
    clock.step(-86_400_000)
    await fleet.follow()
    await fleet.ends('a')
    await fleet.ends('b')
    assert.equal((await fleet.shown(run)).state, 'succeeded')
  })

  it('is listed newest first, in pages, and by its state', async () => {
    const clock = createFakeClock()
    await using fleet = await openFleet(['a', 'b'], { clock })
    const ids: string[] = []
    for (const node of ['a', 'b', 'a']) {
      ids.unshift((await fleet.run({ nodes: [node] })).id)
      await clock.advance(1_000)
    }
    await fleet.ends('b')
    const { admin } = fleet.plane
    const first = (await admin.listRuns({ query: { limit: '2' } })).body
    const rest = (await admin.listRuns({ query: { after: first.next ?? '' } })).body
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ id }) => id),
      ids,
    )
    const running = (await admin.listRuns({ query: { state: 'running' } })).body.items
    assert.deepEqual(
      running.map(({ id }) => id),
      [ids[0], ids[2]],
    )
  })

  it('is nothing to operators of other tenants, and viewers change nothing of it', async () => {
    await using fleet = await openFleet(['a'])
    const { id } = await fleet.run({ selector: '*' })
    const params = { run_id: id }
    const { api: stranger } = await addOperator(fleet.plane, { tenant: 'other' })
    assert.deepEqual((await stranger.listRuns({})).body.items, [])
    await Promise.all(
      [
        stranger.getRun({ params }),
        stranger.listRunNodes({ params }),
        stranger.pauseRun({ params }),
        stranger.resumeRun({ params }),
        stranger.cancelRun({ params }),
        stranger.retryRun({ params, body: {} }),
        stranger.createRun({ body: { nodes: ['a'], action: 'system.info' } }),
      ].map((attempt) => assert.rejects(attempt, { status: 404 })),
    )
    await assert.rejects(stranger.createRun({ body: { selector: '*', action: 'system.info' } }), {
      status: 400,
    })
    const { api: viewer } = await addOperator(fleet.plane, { role: 'viewer' })
    assert.equal((await viewer.getRun({ params })).body.id, id)
    await Promise.all(
      [
        viewer.pauseRun({ params }),
        viewer.cancelRun({ params }),
        viewer.createRun({ body: { selector: '*', action: 'system.info' } }),
      ].map((attempt) => assert.rejects(attempt, { status: 403 })),
    )
  })
})

/** A control plane with nodes that answer when told to. */
async function openFleet(hostnames: readonly string[], options: HarnessOptions = {}) {
  const plane = await startControlPlane(options)
  const capabilities = { builtin_actions: [{ name: 'system.info' }] }
  const nodes = new Map<string, EnrolledNode>()
  for (const hostname of hostnames)
    nodes.set(hostname, await plane.enrol(hostname, { capabilities, metadata: { env: 'prod' } }))
  let most = 0

  const follow = () => driveRuns(plane.app)
  const fleet = {
    plane,
    follow,
    mostAtOnce: () => most,
    async run(spec: Partial<RunSpec>): Promise<Run> {
      const { body } = await plane.admin.createRun({ body: { action: 'system.info', ...spec } })
      most = Math.max(most, body.counts.running)
      return body
    },
    shown: async ({ id }: Run) => (await plane.admin.getRun({ params: { run_id: id } })).body,
    nodesOf: async (id: string): Promise<RunNode[]> =>
      (await plane.admin.listRunNodes({ params: { run_id: id } })).body.items,
    async beats(hostname: string, status: string): Promise<void> {
      const node = nodes.get(hostname)
      await node?.api.heartbeat({ params: { node_id: node.node_id }, body: { status } })
    },
    async accepts(hostname: string): Promise<void> {
      const node = nodes.get(hostname)
      const execution_id = await newestExecution(plane, node)
      const params = { node_id: node?.node_id ?? '', execution_id }
      await node?.api.ackExecution({ params, body: { status: 'accepted' } })
    },
    /** The newest execution of a node, which it must have, ends. */
    async ends(hostname: string, result: Partial<ExecutionResult> = {}): Promise<void> {
      const node = nodes.get(hostname)
      const execution_id = await newestExecution(plane, node)
      assert.ok(node)
      const body = { status: 'success' as const, exit_code: 0, ...result }
      await node.api.finishExecution({ params: { node_id: node.node_id, execution_id }, body })
      const { items } = (await plane.admin.listRuns({})).body
      most = Math.max(most, ...items.map(({ counts }) => counts.running))
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
  return fleet
}

function aNewNode(tenant_id: string, no: number) {
  const id = newId('node')
  return {
    id,
    tenant_id,
    hostname: `host-${no}`,
    mesh_ip: `10.100.${100 + (no >> 8)}.${no & 255}`,
    public_key: `key of ${id}`,
    token_hash: `token of ${id}`,
    nsk_hash: `nsk of ${id}`,
    nsk_sealed: '',
    nsk_format: 'base64' as const,
    labels: {},
    reported: {},
    capabilities: { builtin_actions: [{ name: 'system.info' }] },
    user_agent: '',
  }
}

async function newestExecution(
  { admin }: TestControlPlane,
  node: EnrolledNode | undefined,
): Promise<string> {
  const { body } = await admin.listExecutions({ params: { node: node?.node_id ?? '' } })
  const [newest] = body.items
  assert.ok(newest, `${node?.node_id} was asked for nothing`)
  return newest.id
}
