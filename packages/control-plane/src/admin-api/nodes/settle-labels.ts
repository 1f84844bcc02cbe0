import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord, OperatorRecord } from '../../mesh/fleet.ts'
import { confirm, drop, readUnconfirmed } from '../../nodes/unconfirmed.ts'

/** They stay labels, so no events are needed. */
export const confirmLabels = handle(
  adminApi.confirmLabels,
  async ({ principal, body: { keys } }, app: State) => {
    const nodes = await settle(app, principal, keys, (unit, node) => confirm(unit, node, keys))
    return { nodes }
  },
)

/** They become reported metadata: nodes lose whatever they got through them. */
export const dropLabels = handle(
  adminApi.dropLabels,
  async ({ principal, body: { keys } }, app: State & Environment) => {
    const nodes = await settle(app, principal, keys, (unit, node) =>
      drop(unit, node, { keys, limits: app.config.limits }),
    )
    return { nodes }
  },
)

/** One unit per node, so that a thousand of them block nobody. May be interrupted and repeated. */
async function settle(
  app: State,
  { tenant_id }: OperatorRecord,
  keys: readonly string[] | undefined,
  change: (unit: Unit, node: NodeRecord) => Promise<void>,
): Promise<number> {
  const all = await readUnconfirmed(app.store.reader, app.fleet)
  const meant = all.filter(
    (item) =>
      item.node.tenant_id === tenant_id &&
      (keys === undefined || item.keys.some((key) => keys.includes(key))),
  )
  for (const { node } of meant)
    await app.change(async (unit) => {
      const now = unit.fleet.node(node.id)
      if (now) await change(unit, now)
    })
  return meant.length
}
