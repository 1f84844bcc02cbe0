import assert from 'node:assert/strict'
import {
  type AdminApi,
  ApiError,
  type Client,
  controlApi,
  type DataEntry,
  type SealedSecret,
} from '@plexd/protocol'
import { unseal, until } from '@plexd/runtime/testing'
import { untilEqual } from '../support/equal.ts'
import { checkTold } from '../support/events/check-told.ts'
import { pages } from '../support/pages.ts'
import type { Registers } from '../support/registers.ts'
import type { BusyNode, RealNode, World } from './world.ts'

/** Whether the control plane still has all that it has acknowledged. */
export async function checkControlPlane(world: World): Promise<void> {
  const { admin } = world.system
  assert.deepEqual(world.faults, [])

  const entries = await pages(admin.listData)
  const data = new Map(entries.map((entry) => [placeOf(entry), entry.payload as number])) // the load writes numbers
  checkRegisters('data', world.data, (place) => data.get(place))
  assert.deepEqual(
    [...data.keys()].filter((place) => !world.data.places().includes(place)),
    [],
  )

  const nodes = new Map((await pages(admin.listNodes)).map((node) => [node.id, node]))
  checkRegisters('label', world.labels, (place) => {
    const [id = '', label = ''] = place.split('/')
    return nodes.get(id)?.labels[label]
  })

  const policies = new Map(
    (await admin.listPolicies({})).body.items.map(({ name, rules }) => [name, rules[0]?.port]),
  )
  checkRegisters('policy', world.policies, (name) => policies.get(name))

  const tokens = new Set((await pages(admin.listTokens)).map(({ id }) => id))
  assert.deepEqual([...world.tokens.difference(tokens)], [], 'tokens')

  for (const node of world.scripted) {
    const held = await reportsOf(admin, node.nodeId)
    checkRegisters('report', node.reports, (key) => held.get(key))
  }
  await checkExecutions(world)
}

/** Whether an agent still has all that it has acknowledged to programs on its machine. */
export async function checkAgent({ local, reports }: RealNode): Promise<void> {
  const held = new Map<string, number>()
  for (const key of reports.places()) {
    const answer = await local.getReport({ params: { key } }).catch(unlessMissing)
    if (answer) held.set(key, answer.body.payload as number) // the load writes numbers
  }
  checkRegisters('local report', reports, (key) => held.get(key))
}

function checkRegisters<Value>(
  what: string,
  registers: Registers<Value | undefined>,
  read: (place: string) => Value | undefined,
): void {
  for (const place of registers.places()) {
    const value = read(place)
    assert.ok(
      registers.allows(place, value),
      `${what} "${place}": is ${JSON.stringify(value)}, want one of ${JSON.stringify(registers.expected(place))}`,
    )
  }
}

async function checkExecutions({ system, scripted, executions, results }: World): Promise<void> {
  const known = new Map<string, string>()
  const nodes = await pages(system.admin.listNodes)
  for (const { id } of nodes) {
    const list = await pages((input) =>
      system.admin.listExecutions({ ...input, params: { node: id } }),
    )
    for (const execution of list) known.set(execution.id, execution.stdout)
  }
  assert.deepEqual(
    [...executions].filter((id) => !known.has(id)),
    [],
    'executions',
  )
  for (const [id, stdout] of results) assert.equal(known.get(id), stdout, `result of "${id}"`)
  for (const { nodeId, records } of scripted) {
    const kept = await pages((input) =>
      system.admin.listTelemetry({ ...input, params: { node: nodeId, kind: 'logs' } }),
    )
    const messages = new Set(kept.map(({ record }) => (record as { message: string }).message)) // a log record
    assert.deepEqual([...records.difference(messages)], [], 'log records')
  }
}

/** Whether a scripted node was told everything, and can open its secrets. */
export async function checkLedger(world: World, busy: BusyNode): Promise<void> {
  const { stream, answered } = busy
  await checkTold(world.system, stream, answered)
  for (const place of world.secrets.places()) {
    const [id, key = ''] = place.split('/')
    if (id !== busy.nodeId) continue
    const answer = await stream.node.call(controlApi.getSecret, { params: { key } })
    const value =
      answer.status === 200
        ? unseal(stream.node.node_secret_key, answer.json<SealedSecret>())
        : undefined
    assert.ok(world.secrets.allows(place, value), `secret "${place}" is "${value}"`)
  }
}

/** Whether a real agent tells programs on its machine what operators wrote, and operators what they reported. */
export async function checkMirror({ system, secrets }: World, real: RealNode): Promise<void> {
  const { admin } = system
  const { local, nodeId } = real
  const { body: node } = await admin.getNode({ params: { node: nodeId } })
  const entries = (await pages(admin.listData)).filter(
    ({ target }) => target.node_id === nodeId || target.selector !== undefined,
  )
  const wanted = {
    metadata: { ...node.labels, ...node.reported, ...node.labels },
    data: Object.fromEntries(entries.map(({ key, payload }) => [key, payload])),
  }
  await untilEqual(
    `${node.hostname} has the desired state`,
    async () => {
      const keys = (await local.listData({})).body.map(({ key }) => key)
      const values = await Promise.all(
        keys.map(async (key) => {
          // It may be deleted since it was listed.
          const answer = await local.getData({ params: { key } }).catch(() => undefined)
          return [key, answer?.body.payload]
        }),
      )
      const metadata = (await local.listMetadata({})).body
      return { actual: { metadata, data: Object.fromEntries(values) }, expected: wanted }
    },
    60_000,
  )
  await untilEqual(
    `the reports of ${node.hostname} have arrived`,
    async () => {
      const keys = (await local.listReports({})).body.map(({ key }) => key)
      const held = await Promise.all(
        keys.map(async (key) => [key, (await local.getReport({ params: { key } })).body.payload]),
      )
      const arrived = await reportsOf(admin, nodeId)
      return { actual: Object.fromEntries(arrived), expected: Object.fromEntries(held) }
    },
    60_000,
  )
  const stored = new Set((await pages(admin.listSecrets)).map(placeOf))
  for (const place of secrets.places()) {
    const [id, key = ''] = place.split('/')
    if (id !== nodeId) continue
    if (!stored.has(place)) {
      // The agent says 503: other nodes have one of that name, so the control plane answers 403.
      assert.ok(secrets.allows(place, undefined), `secret "${place}" is gone`)
      continue
    }
    // The one that was killed last may have yet to reach the control plane.
    const { answer } = await until(
      `secret "${place}" is answered`,
      () =>
        local
          .getSecretValue({ params: { key } })
          .catch(unlessMissing)
          .then((answer) => ({ answer }))
          .catch(unlessUnavailable),
      60_000,
    )
    assert.ok(secrets.allows(place, answer?.body.value), `secret "${place}"`)
  }
}

/** Waits until every real agent has the new key that it was asked to have. */
export async function checkRotated({ system, real }: World): Promise<void> {
  for (const { nodeId } of real) {
    await until(
      `node "${nodeId}" has a new key`,
      async () => {
        const { body } = await system.admin.getNode({ params: { node: nodeId } })
        return !body.key_rotation_requested
      },
      60_000,
    )
  }
}

/** Whether everything that an operator asked for has been run, or says that a kill came in between. */
export async function checkFinished({ system, executions }: World): Promise<void> {
  for (const execution_id of executions) {
    const read = async () => (await system.admin.getExecution({ params: { execution_id } })).body
    await until(
      `execution "${execution_id}" has finished`,
      async () => (await read()).finished_at !== null,
      60_000,
    )
    const { status, stderr } = await read()
    const outcome = status === 'success' ? status : `${status}: ${stderr.trim()}`
    assert.ok(outcomes.includes(outcome), `execution "${execution_id}" ended with "${outcome}"`)
  }
}

const outcomes = ['success', 'failure: plexd was restarted while the action ran']

async function reportsOf(admin: Client<AdminApi>, node: string): Promise<Map<string, number>> {
  const entries = await pages((input) => admin.listReports({ ...input, params: { node } }))
  return new Map(entries.map(({ key, payload }) => [key, payload as number])) // the load writes numbers
}

function placeOf({ key, target }: Pick<DataEntry, 'key' | 'target'>): string {
  return `${target.node_id ?? target.selector}/${key}`
}

function unlessUnavailable(error: unknown): undefined {
  if (!(error instanceof ApiError && error.status === 503)) throw error
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 404) return undefined
  throw error
}
