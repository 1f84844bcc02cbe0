import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DesiredState, openDesiredStore, publicKeyOf } from '@plexd/agent'
import { controlApi, type Node, type NodeState } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { untilEqual } from '../support/equal.ts'
import { checkTold } from '../support/events/check-told.ts'
import { pages } from '../support/pages.ts'
import type { Acknowledged, Fleet, RealNode } from './fleet.ts'

/** Whether nothing that was acknowledged is lost, and every node has what the admin API says, told once and in order. */
export async function checkFleet(fleet: Fleet, patienceMs: number): Promise<void> {
  await checkAcknowledged(fleet)
  for (const node of fleet.real) await checkReal(fleet, node, patienceMs)
  for (const node of fleet.scripted) await checkTold(fleet.system, node)
}

async function checkAcknowledged({ system: { admin }, acknowledged }: Fleet): Promise<void> {
  const nodes = await pages(admin.listNodes)
  const entries = await pages(admin.listData)
  const secrets = await pages(admin.listSecrets)
  const policies = await pages(admin.listPolicies)
  const place = ({ key, target }: (typeof secrets)[number]) =>
    `${target.node_id ?? target.selector}/${key}`
  assert.deepEqual(
    {
      hostnames: new Map(nodes.map(({ id, hostname }) => [id, hostname])),
      labels: new Map(nodes.map(({ id, labels }) => [`${id}/role`, labels.role])),
      entries: new Map(entries.map((entry) => [place(entry), entry.payload])),
      secrets: new Set(secrets.map(place)),
      policies: new Map(
        policies.map(({ name, rules }) => [name, { from: rules[0]?.from, to: rules[0]?.to }]),
      ),
    },
    {
      hostnames: acknowledged.hostnames,
      labels: acknowledged.labels,
      entries: acknowledged.entries,
      secrets: new Set(acknowledged.secrets.keys()),
      policies: acknowledged.policies,
    },
  )
}

/** What it has on its disk, which is what it works by, and what it shows to programs. */
async function checkReal(fleet: Fleet, real: RealNode, patienceMs: number): Promise<void> {
  const { acknowledged, system } = fleet
  await untilEqual(
    `"${real.nodeId}" has the desired state`,
    async () => {
      const identity = await readIdentity(real)
      const expected = await desired(fleet, real.nodeId, identity)
      return { actual: await held(real, identity), expected }
    },
    patienceMs,
  )
  await untilEqual(
    `the reports of "${real.nodeId}" have arrived`,
    async () => {
      const params = { node: real.nodeId }
      const reports = await pages((input) => system.admin.listReports({ ...input, params }))
      const report = acknowledged.reports.get(`${real.nodeId}/report`)
      return {
        actual: reports.map(({ payload }) => payload),
        expected: report === undefined ? [] : [report],
      }
    },
    patienceMs,
  )
}

interface Identity {
  node_token: string
  private_key: string
}

async function readIdentity({ agent }: RealNode): Promise<Identity> {
  return JSON.parse(await readFile(join(agent.dataDir, 'identity.json'), 'utf8'))
}

async function held(real: RealNode, { private_key }: Identity) {
  const { local, agent } = real
  const state = await readState(agent.dataDir)
  const { body: refs } = await local.listSecrets({})
  const secrets = refs.map(async ({ key }) => {
    // It may be gone by now, or the control plane away: then another look is taken.
    const answer = await local.getSecretValue({ params: { key } }).catch(() => undefined)
    return [key, answer?.body.value] as const
  })
  return {
    hostname: state.hostname,
    role: (await local.listMetadata({})).body.role,
    data: new Map(state.data.map(({ key, payload }) => [key, JSON.parse(payload)])),
    secrets: new Map(await Promise.all(secrets)),
    peers: new Map(state.peers.map(({ id, public_key }) => [id, public_key])),
    policies: state.policies,
    publicKey: publicKeyOf(private_key),
    isRotating: false,
  }
}

/** The state on its disk, which it may be writing to at this moment. */
async function readState(dataDir: string): Promise<DesiredState> {
  const copy = await mkdtemp(join(tmpdir(), 'plexd-state-'))
  try {
    await cp(join(dataDir, 'state'), join(copy, 'state'), { recursive: true })
    await using store = await openDesiredStore({ dataDir: copy, log: silentLog })
    return store.current()
  } finally {
    await rm(copy, { recursive: true })
  }
}

/** By what operators see. The rules alone, which are compiled, are those that the node would pull. */
async function desired({ system, acknowledged }: Fleet, nodeId: string, { node_token }: Identity) {
  const nodes = await pages(system.admin.listNodes)
  const own = nodes.find(({ id }) => id === nodeId)
  assert.ok(own, `"${nodeId}" is gone`)
  const params = { node_id: nodeId }
  const pulled = await system.call(controlApi.getState, { params, token: node_token })
  const targets = [nodeId, `role=${own.labels.role}`]
  const ofNode = <Value>(places: ReadonlyMap<string, Value>) =>
    new Map(
      [...places].flatMap(([place, value]) => {
        const [target = '', key = ''] = place.split('/')
        return targets.includes(target) ? [[key, value] as const] : []
      }),
    )
  const peers = nodes.filter((node) => node !== own && areJoined(acknowledged, own, node))
  return {
    hostname: own.hostname,
    role: own.labels.role,
    data: ofNode(acknowledged.entries),
    secrets: ofNode(acknowledged.secrets),
    peers: new Map(peers.map(({ id, public_key }) => [id, public_key])),
    policies: pulled.status === 200 ? pulled.json<NodeState>().policies : pulled.text,
    publicKey: own.public_key,
    isRotating: own.key_rotation_requested,
  }
}

/** Whether a policy lets one of them talk to the other. */
function areJoined({ policies }: Acknowledged, one: Node, other: Node): boolean {
  const isOf = ({ labels }: Node, side: string): boolean =>
    side === '*' || side === `role=${labels.role}`
  return [...policies.values()].some(
    ({ from, to }) => (isOf(one, from) && isOf(other, to)) || (isOf(other, from) && isOf(one, to)),
  )
}
