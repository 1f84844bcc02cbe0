import { setTimeout as delay } from 'node:timers/promises'
import { ApiError } from '@plexd/protocol'
import { type Fleet, type RealNode, roles } from './fleet.ts'

/** One thing that happens to a fleet; a number stands for whatever there is at that moment, so that none is ever out of place. */
export interface Operation {
  do: OperationName
  /** Of the nodes that it may happen to. */
  nth: number
  value: number
}

type Run = (fleet: Fleet, given: { nth: number; value: number }) => Promise<unknown>

const operations = {
  'enrol a node': (fleet) => fleet.enrolScripted(),
  'remove a node': removeNode,
  'rename a node': renameNode,
  'label a node': labelNode,
  'rotate keys': ({ system, real }, { nth }) =>
    again(() => system.admin.requestKeyRotation({ params: { node: nthOf(real, nth).nodeId } })),
  'put an entry': (fleet, { nth, value }) => {
    const { place, key, target } = placeOf(fleet, nth)
    const body = { target, content_type: 'application/json', payload: value }
    const put = () => fleet.system.admin.putData({ params: { key }, body })
    return again(put).then(() => fleet.acknowledged.entries.set(place, value))
  },
  'delete an entry': (fleet, { nth }) => {
    const { place, key, target } = placeOf(fleet, nth)
    const remove = () => fleet.system.admin.deleteData({ params: { key }, query: target })
    return again(remove, 'not_found').then(() => fleet.acknowledged.entries.delete(place))
  },
  'put a secret': (fleet, { nth, value }) => {
    const { place, key, target } = placeOf(fleet, nth)
    const body = { target, value: `s${value}` }
    const put = () => fleet.system.admin.putSecret({ params: { key }, body })
    return again(put).then(() => fleet.acknowledged.secrets.set(place, body.value))
  },
  'delete a secret': (fleet, { nth }) => {
    const { place, key, target } = placeOf(fleet, nth)
    const remove = () => fleet.system.admin.deleteSecret({ params: { key }, query: target })
    return again(remove, 'not_found').then(() => fleet.acknowledged.secrets.delete(place))
  },
  'put a policy': ({ system, acknowledged }, { nth, value }) => {
    const name = policyNames[nth % policyNames.length] ?? ''
    const sides = { from: sideOf(value), to: sideOf(value >> 2) }
    const rules = [{ ...sides, action: 'allow' as const }]
    const put = () => system.admin.putPolicy({ params: { name }, body: { name, rules } })
    return again(put).then(() => acknowledged.policies.set(name, sides))
  },
  'delete a policy': ({ system, acknowledged }, { nth }) => {
    const name = policyNames[nth % policyNames.length] ?? ''
    const remove = () => system.admin.deletePolicy({ params: { name } })
    return again(remove, 'not_found').then(() => acknowledged.policies.delete(name))
  },
  'report on a node': ({ real, acknowledged }, { nth, value }) => {
    const { nodeId, local } = nthOf(real, nth)
    const body = { content_type: 'application/json', payload: value }
    const put = () => local.putReport({ params: { key: 'report' }, body })
    return again(put).then(() => acknowledged.reports.set(`${nodeId}/report`, value))
  },
  'take a report back': ({ real, acknowledged }, { nth }) => {
    const { nodeId, local } = nthOf(real, nth)
    const remove = () => local.deleteReport({ params: { key: 'report' } })
    return again(remove, 'not_found').then(() => acknowledged.reports.delete(`${nodeId}/report`))
  },
  'kill the control plane': async ({ system: { controlPlane } }) => {
    await controlPlane.end('SIGKILL')
    await controlPlane.start()
  },
  'kill an agent': ({ real }, { nth }) => restart(nthOf(real, nth), 'SIGKILL'),
  'restart an agent': ({ real }, { nth }) => restart(nthOf(real, nth), 'SIGTERM'),
  'cut the agents off': async ({ proxy }) => proxy.cut(),
} satisfies Record<string, Run>

export type OperationName = keyof typeof operations

export const operationNames = Object.keys(operations) as OperationName[] // of the object above

export async function perform(fleet: Fleet, operation: Operation): Promise<void> {
  const run: Run = operations[operation.do]
  await run(fleet, operation)
}

async function removeNode({ system, scripted, acknowledged }: Fleet): Promise<void> {
  const node = scripted.pop()
  if (!node) return
  // It would be told that it is no more, which is no fault.
  await node[Symbol.asyncDispose]()
  const { node_id } = node.node
  await again(() => system.admin.removeNode({ params: { node: node_id } }), 'not_found')
  acknowledged.hostnames.delete(node_id)
  for (const map of [acknowledged.entries, acknowledged.secrets, acknowledged.labels])
    for (const place of map.keys()) if (place.startsWith(`${node_id}/`)) map.delete(place)
}

async function renameNode(
  fleet: Fleet,
  { nth, value }: { nth: number; value: number },
): Promise<void> {
  const { hostnames } = fleet.acknowledged
  const id = nodeIdOf(fleet, nth)
  const hostname = `name-${value % 4}`
  if ([...hostnames.values()].includes(hostname)) return
  await again(() => fleet.system.admin.renameNode({ params: { node: id }, body: { hostname } }))
  hostnames.set(id, hostname)
}

async function labelNode(
  fleet: Fleet,
  { nth, value }: { nth: number; value: number },
): Promise<void> {
  const node = nodeIdOf(fleet, nth)
  const role = roles[value % roles.length] ?? ''
  const body = { set: { role } }
  await again(() => fleet.system.admin.setNodeMetadata({ params: { node }, body }))
  fleet.acknowledged.labels.set(`${node}/role`, role)
}

async function restart({ agent }: RealNode, signal: NodeJS.Signals): Promise<void> {
  await agent.end(signal)
  await agent.start()
}

const policyNames = ['allow-all', 'first', 'second'] as const
const sides = ['*', 'role=web', 'role=db', 'role=none'] as const

function sideOf(value: number): string {
  return sides[value % sides.length] ?? '*'
}

/** For a node or for those of a role, each with keys of its own: which of two entries for one key counts is no part of this. */
function placeOf(
  fleet: Fleet,
  nth: number,
): { place: string; key: string; target: { node_id: string } | { selector: string } } {
  const role = roles[nth >> 1]
  if (role !== undefined && nth % 2 === 0) {
    const selector = `role=${role}`
    return { place: `${selector}/of-${role}`, key: `of-${role}`, target: { selector } }
  }
  const node_id = nodeIdOf(fleet, nth)
  return { place: `${node_id}/own`, key: 'own', target: { node_id } }
}

function nodeIdOf({ acknowledged }: Fleet, nth: number): string {
  return nthOf([...acknowledged.hostnames.keys()], nth)
}

function nthOf<Item>(items: readonly Item[], nth: number): Item {
  return items[nth % items.length] as Item // there are always real nodes
}

/** Until it is answered: a request may have been on its way through a connection that was cut, or of a server that was killed. */
async function again(send: () => Promise<unknown>, accepted?: ApiError['code']): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await send()
      return
    } catch (error) {
      if (error instanceof ApiError && error.code === accepted) return
      const isRefused = error instanceof ApiError && error.status !== 503
      if (isRefused || attempt === 100) throw error
      await delay(50)
    }
  }
}
