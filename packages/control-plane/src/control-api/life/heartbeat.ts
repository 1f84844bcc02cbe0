import { controlApi } from '@plexd/protocol'
import type { Delivery, Environment, Intake, NodeMemory, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { noteAgent, userAgentOf } from '../../nodes/agent.ts'
import { boundProblems } from '../../nodes/problems.ts'
import { markOnline } from '../../nodes/status.ts'

/** Go nodes send every field as zero: path and token identify the node. */
export const heartbeat = handle(
  controlApi.heartbeat,
  async (
    { principal, headers, body },
    app: State & Delivery & NodeMemory & Intake & Environment,
  ) => {
    const { no, id } = principal
    const { problems } = body
    const { limits } = app.config
    app.presence.heard(no, {
      ...body,
      ...(problems ? { problems: boundProblems(problems, limits) } : {}),
    })
    await noteAgent(app, principal, userAgentOf(headers))
    const node = app.fleet.node(id) ?? principal
    if (node.status !== 'online') {
      await markOnline(app, id)
      app.log.info('node is back', { node_id: id, hostname: node.hostname })
    }
    const inUse = app.instances.inUse(no)
    return {
      ...(app.presence.needsReconcile(node, app.heads.of(no)) ? { reconcile: true } : {}),
      ...(node.rotate_keys ? { rotate_keys: true } : {}),
      ...(inUse ? { identity_in_use: inUse } : {}),
    }
  },
)
