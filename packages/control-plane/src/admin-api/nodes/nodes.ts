import { adminApi, type Node } from '@plexd/protocol'
import type { Delivery, Environment, NodeMemory, State } from '../../app.ts'
import { changeNode } from '../../changes/nodes.ts'
import { handle } from '../../handle.ts'
import { refuseWithoutRotation } from '../../nodes/agent.ts'
import { readHostname, refuseTakenHostname } from '../../nodes/hostname.ts'
import { removeNode as remove } from '../../nodes/removal.ts'
import { nodeView, readNodeDetail } from '../../nodes/view.ts'
import { askForNewKey } from '../../rotation/key-request.ts'
import { renewPsks } from '../../rotation/psks.ts'
import { readNodes } from '../../rows/fleet/nodes.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'
import { findNode } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

/** In the order of registration. */
export const listNodes = handle(
  adminApi.listNodes,
  async ({ principal, query }, app: State & Delivery & NodeMemory & Environment) => {
    const bounds = boundsOf(query, app.config)
    const [afterNo] = cursorOf(query, [0]) ?? [0]
    const isAskedFor = selectedBy(query.selector ?? '*')
    const numbers = Array.from(app.fleet.nodes(principal.tenant_id))
      .filter((node) => node.no > afterNo && isAskedFor(node))
      .slice(0, bounds.limit + 1)
      .map(({ no }) => no)
    if (numbers.length === 0) return { items: [], next: null }
    const page = await readNodes(app.store.reader, numbers, bounds)
    const items: Node[] = []
    for (const stored of page.rows) items.push(await nodeView(app, stored))
    return { items, next: nextOf(page, ({ node }) => [node.no]) }
  },
)

export const getNode = handle(
  adminApi.getNode,
  async ({ principal, params }, app: State & Delivery & NodeMemory) => {
    const { id } = findNode(app.fleet, principal, params.node)
    return readNodeDetail(app, id, params.node)
  },
)

/** The node keeps its id, and with it its data, secrets and history. */
export const renameNode = handle(
  adminApi.renameNode,
  async ({ principal, params, body }, app: State & Delivery & NodeMemory) => {
    const hostname = readHostname('hostname', body.hostname)
    const before = await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      const { id, tenant_id: tenantId } = node
      refuseTakenHostname(unit.fleet, { tenantId, hostname, nodeId: id })
      if (node.hostname === hostname) return node
      await changeNode(unit, { ...node, hostname })
      return node
    })
    return readNodeDetail(app, before.id, params.node)
  },
)

export const removeNode = handle(
  adminApi.removeNode,
  async ({ principal, params, query }, app: State & Environment) => {
    const force = query.force === 'true'
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      await remove(unit, node, app)
      if (force) await renewPsks(unit, node.tenant_id)
    })
    return {}
  },
)

export const requestKeyRotation = handle(
  adminApi.requestKeyRotation,
  async ({ principal, params }, app: State) => {
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      refuseWithoutRotation(node)
      await askForNewKey(unit, node, 'an operator asked for it')
    })
    return {}
  },
)
