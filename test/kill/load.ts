import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, controlApi, type Operation } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { Random } from '../support/random.ts'
import { write } from '../support/registers.ts'
import type { RawRequest } from '../support/system.ts'
import type { BusyNode, RealNode, World } from './world.ts'

/** Everybody writes at once until the signal; what is acknowledged is written down in the world. */
export async function load(world: World, random: Random, stop: AbortSignal): Promise<void> {
  await Promise.all([
    ...[0, 1].map((lane) => repeat(world, stop, () => operate(world, random, lane))),
    ...world.scripted.map((node) => repeat(world, stop, () => report(random, node))),
    ...world.scripted.map((node) => repeat(world, stop, () => runActions(world, node))),
    ...world.real.map((node) => repeat(world, stop, () => reportLocally(world, random, node))),
  ])
}

async function repeat(world: World, stop: AbortSignal, step: () => Promise<void>): Promise<void> {
  while (!stop.aborted) {
    try {
      await step()
      await delay(10)
    } catch (error) {
      // That no answer comes is what this is about, and 503 says that none will.
      if (error instanceof ApiError && error.status !== 503) world.faults.push(describeError(error))
      await delay(50)
    }
  }
}

/** A version that was given out is never given out again, neither after a deletion nor after a crash. */
function expectRise({ versions, faults }: World, place: string, version: number): void {
  const before = versions.get(place) ?? 0
  if (version <= before) faults.push(`${place}: version ${version} behind ${before}`)
  versions.set(place, version)
}

/** One change by an operator. Each lane has places of its own, so that they are written in order. */
async function operate(world: World, random: Random, lane: number): Promise<void> {
  const { admin } = world.system
  const nodeId = random.pick(nodeIdsOf(world))
  const number = random.below(2 ** 31)
  const kind = random.below(100)
  if (kind < 40) {
    const selector = random.below(2) === 0
    const target = selector ? { selector: 'role=web' } : { node_id: nodeId }
    const key = `${selector ? 'all' : 'own'}/${lane}/${random.below(4)}`
    const place = `${selector ? 'role=web' : nodeId}/${key}`
    const isDelete = random.below(5) === 0
    await write(world.data, place, isDelete ? undefined : number, () =>
      isDelete
        ? admin.deleteData({ params: { key }, query: target })
        : admin
            .putData({
              params: { key },
              body: { target, content_type: 'application/json', payload: number },
            })
            .then(({ body }) => expectRise(world, `data ${place}`, body.version)),
    )
  } else if (kind < 60) {
    const label = `label-${lane}`
    await write(world.labels, `${nodeId}/${label}`, `v${number}`, () =>
      admin.setNodeMetadata({ params: { node: nodeId }, body: { set: { [label]: `v${number}` } } }),
    )
  } else if (kind < 75) {
    const key = `secret-${lane}`
    await write(world.secrets, `${nodeId}/${key}`, `s${number}`, () =>
      admin
        .putSecret({ params: { key }, body: { target: { node_id: nodeId }, value: `s${number}` } })
        .then(({ body }) => expectRise(world, `secret ${nodeId}/${key}`, body.version)),
    )
  } else if (kind < 83) {
    const name = `policy-${lane}`
    const port = 1 + random.below(60_000)
    const side = { from: 'role=web', to: 'role=web' }
    const rules = [{ ...side, port, protocol: 'tcp' as const, action: 'allow' as const }]
    await write(world.policies, name, port, () =>
      admin.putPolicy({ params: { name }, body: { name, rules } }),
    )
  } else if (kind < 87) {
    world.tokens.add((await admin.createToken({ body: {} })).body.id)
  } else if (kind < 90) {
    // Scripted nodes cannot do it.
    await admin.requestKeyRotation({ params: { node: random.pick(realIdsOf(world)) } })
  } else if (kind < 98) {
    const { body } = await admin.runAction({
      params: { node: nodeId },
      body: { action: 'system.info', timeout: '5m' },
    })
    world.executions.add(body.id)
  } else if (kind < 99) {
    await admin.rotateMasterKey({})
  } else {
    await admin.rotateSigningKey({ body: { transition_period: '1h' } }).catch(unlessConflict)
  }
}

function nodeIdsOf({ scripted, real }: World): [string, ...string[]] {
  const ids = [...scripted, ...real].map(({ nodeId }) => nodeId)
  return ids as [string, ...string[]] // a world is not empty
}

function realIdsOf({ real }: World): [string, ...string[]] {
  return real.map(({ nodeId }) => nodeId) as [string, ...string[]] // nor is this part of it
}

/** A second rotation within the transition of the first is refused. */
function unlessConflict(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 409)) throw error
}

/** One thing that a scripted node says of itself. */
async function report(random: Random, node: BusyNode): Promise<void> {
  const kind = random.below(10)
  if (kind < 4) {
    const message = `${node.nodeId} ${crypto.randomUUID()}`
    const timestamp = new Date().toISOString()
    await call(node, controlApi.sendLogs, { body: [{ timestamp, message }] })
    node.records.add(message)
  } else if (kind < 8) {
    const key = `report-${random.below(3)}`
    const version = Date.now()
    const updated_at = new Date(version).toISOString()
    const entry = { key, content_type: 'text/plain', payload: version, version, updated_at }
    await write(node.reports, key, version, () =>
      call(node, controlApi.syncReports, { body: { entries: [entry], deleted: null } }),
    )
  } else if (kind < 9) {
    await call(node, controlApi.heartbeat, { body: {} })
  } else {
    const public_endpoint = `203.0.113.7:${1 + random.below(60_000)}`
    await call(node, controlApi.putEndpoint, { body: { public_endpoint, nat_type: 'none' } })
  }
}

/** Brings the results of what the node was asked to run, each until it is acknowledged. */
export async function runActions({ results }: World, node: BusyNode): Promise<void> {
  for (const execution_id of node.toRun) {
    const params = { execution_id }
    node.answered.add(execution_id)
    const ack = { execution_id, status: 'accepted', reason: '' }
    await call(node, controlApi.ackExecution, { params, body: ack })
    const stdout = `${node.nodeId} ran ${execution_id}`
    const result = { execution_id, status: 'success', exit_code: 0, stdout, duration: '1s' }
    await call(node, controlApi.finishExecution, { params, body: result })
    results.set(execution_id, stdout)
    node.toRun.delete(execution_id)
  }
}

async function call(
  { stream }: BusyNode,
  operation: Operation,
  request: RawRequest,
): Promise<void> {
  const answer = await stream.node.call(operation, request)
  if (answer.status === 503) throw new ApiError('unavailable', answer.text)
  if (answer.status > 299)
    throw new ApiError('internal', `${operation.path}: ${answer.status} ${answer.text}`)
}

/** A program on the machine of a real agent. */
async function reportLocally(
  world: World,
  random: Random,
  { nodeId, local, reports }: RealNode,
): Promise<void> {
  const key = `local-${random.below(4)}`
  const params = { key }
  const isDelete = random.below(6) === 0
  const number = random.below(2 ** 31)
  await write(reports, key, isDelete ? undefined : number, () =>
    isDelete
      ? local.deleteReport({ params })
      : local
          .putReport({ params, body: { content_type: 'application/json', payload: number } })
          .then(({ body }) => expectRise(world, `report ${nodeId}/${key}`, body.version)),
  )
}
