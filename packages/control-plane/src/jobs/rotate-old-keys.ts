import type { Environment, State } from '../app.ts'
import { oldKeys } from '../mesh/key-age.ts'
import { askForNewKey } from '../rotation/key-request.ts'

/** Asks nodes with old keys to rotate them, one per tenant, or a few in a large one. */
export async function rotateOldKeys(app: State & Environment): Promise<void> {
  const { keyMaxAgeMs } = app.config
  if (keyMaxAgeMs === 0) return
  const nowMs = app.clock.now()
  const tenants = Map.groupBy(app.fleet.allNodes(), ({ tenant_id }) => tenant_id)
  for (const nodes of tenants.values()) {
    for (const { id } of oldKeys(nodes, { maxAgeMs: keyMaxAgeMs, nowMs })) {
      const asked = await app.change(async (unit) => {
        const node = unit.fleet.node(id)
        if (!node || node.rotate_keys) return undefined
        await askForNewKey(unit, node, 'its key is old')
        return node
      })
      if (asked) app.log.info('key is old', { node_id: id, hostname: asked.hostname })
    }
  }
}
