import { adminApi } from '@plexd/protocol'
import type { App } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord, OperatorRecord } from '../../mesh/fleet.ts'
import { confirm, drop, readUnconfirmed } from '../../nodes/unconfirmed.ts'

/** They stay labels, and nobody has to be told. */
export const confirmLabels = handle(
  adminApi.confirmLabels,
  async ({ principal, body: { keys } }, app) => {
    const nodes = await settle(app, principal, keys, (unit, node) => confirm(unit, node, keys))
    return { nodes }
  },
)

/** They are reported from now on: whoever had something by them has it no longer. */
export const dropLabels = handle(
  adminApi.dropLabels,
  async ({ principal, body: { keys } }, app) => {
    const nodes = await settle(app, principal, keys, (unit, node) =>
      drop(unit, node, { keys, limits: app.config.limits }),
    )
    return { nodes }
  },
)

/** A unit for each node, so that a thousand of them keep nobody waiting. May be interrupted and repeated. */
async function settle(
  app: App,
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
