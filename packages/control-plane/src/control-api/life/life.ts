import { ApiError, controlApi } from '@plexd/protocol'
import type {
  Delivery,
  Environment,
  Installation,
  Intake,
  NodeMemory,
  SideStores,
  State,
} from '../../app.ts'
import { sendQueued } from '../../executions/dispatch.ts'
import { handle } from '../../handle.ts'
import { noteBinary } from '../../integrity/note-binary.ts'
import { noteAgent, userAgentOf } from '../../nodes/agent.ts'
import { noteHostKey } from '../../nodes/host-key.ts'
import { boundProblems, boundUpgrade } from '../../nodes/problems.ts'
import { removeNode } from '../../nodes/removal.ts'
import { markOnline } from '../../nodes/status.ts'
import { hasSaid } from '../../rows/fleet/node-lookups.ts'
import { putNode, readNode } from '../../rows/fleet/nodes.ts'

export const ping = handle(controlApi.ping, async () => ({}))

/** Go nodes send every field as zero: path and token identify the node. */
export const heartbeat = handle(
  controlApi.heartbeat,
  async (
    { principal, headers, body },
    app: State & Delivery & NodeMemory & Intake & SideStores & Installation & Environment,
  ) => {
    const { no, id } = principal
    const { problems, upgrade: report, ...said } = body
    const { limits } = app.config
    const upgrade = report && boundUpgrade(report, limits)
    app.presence.heard(no, {
      ...said,
      ...(problems ? { problems: boundProblems(problems, limits) } : {}),
      ...(upgrade ? { upgrade } : {}),
    })
    await noteAgent(app, principal, userAgentOf(headers))
    await app.heeds.note(principal, body.heeded, app.budgets.writes)
    const node = app.fleet.node(id) ?? principal
    if (node.status !== 'online') {
      await markOnline(app, id)
      app.log.info('node is back', { node_id: id, hostname: node.hostname })
    }
    await noteBinary(app, node, { version: body.version, checksum: body.binary_checksum })
    const inUse = app.instances.inUse(no)
    const stunServers = app.controlPlanes.stunServers()
    return {
      ...(app.presence.needsReconcile(node, app.heads.of(no)) ? { reconcile: true } : {}),
      ...(node.rotate_keys ? { rotate_keys: true } : {}),
      ...(inUse ? { identity_in_use: inUse } : {}),
      ...(stunServers.length === 0 ? {} : { stun_servers: [...stunServers] }),
    }
  },
)

/** Stores them unchanged. Each node sends its capabilities to each run of the control plane, mostly unchanged ones. */
export const putCapabilities = handle(
  controlApi.putCapabilities,
  async ({ principal, body }, app: State & NodeMemory & Intake & SideStores & Environment) => {
    await noteBinary(app, principal, body.binary ?? {})
    if (await hasSaid(app.store.reader, principal.id, body)) return {}
    const before = await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (!node) throw new ApiError('unauthorized', 'unauthorized')
      const stored = await readNode(unit.tx, node.id)
      await putNode(unit, node, { capabilities: body })
      // It may have room for more than before.
      await sendQueued(unit, node.id, app)
      return stored?.capabilities ?? null
    })
    await noteHostKey(app, principal, { before, after: body })
    return {}
  },
)

/** May be repeated with the same token for a day: the first answer may have been lost. */
export const deregister = handle(
  controlApi.deregister,
  async ({ principal }, app: State & Environment) => {
    const left = await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (node) await removeNode(unit, node, app)
      return node
    })
    if (left) app.log.info('node left', { node_id: left.id, hostname: left.hostname })
    return {}
  },
)
