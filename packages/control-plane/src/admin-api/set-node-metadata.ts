import { ApiError, adminApi } from '@plexd/protocol'
import type { App } from '../app.ts'
import type { Unit } from '../change.ts'
import { type Call, handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { checkLabels, warningsOf } from '../nodes/labels.ts'
import { putLabels, readUnconfirmedOf } from '../nodes/unconfirmed.ts'
import { nodeDetail } from '../nodes/view.ts'
import { readNodeRow } from '../store/nodes.ts'
import { findNode } from './find-node.ts'

/** What is set wins over what is removed. Labels as they were before change nothing and tell nobody. */
export const setNodeMetadata = handle(adminApi.setNodeMetadata, async (call, app) => {
  const { principal, params, body } = call
  const id = await app.change(async (unit) => {
    const node = findNode(unit.fleet, principal, params.node)
    await setLabels(unit, node, call, app)
    return node.id
  })
  const row = await readNodeRow(app.store.reader, id)
  if (!row) throw new ApiError('not_found', `there is no node "${params.node}"`)
  return { ...(await nodeDetail(app, row)), warnings: warningsOf(body.set ?? {}) }
})

async function setLabels(
  unit: Unit,
  node: NodeRecord,
  { body: { set = {}, remove = [] } }: Call<typeof adminApi.setNodeMetadata>,
  { config }: App,
): Promise<void> {
  const unconfirmed = await readUnconfirmedOf(unit.tx, node.id)
  const kept = Object.entries(node.labels).filter(([key]) => !remove.includes(key))
  // What nobody has confirmed may be of the node, and leaves an operator as much room as ever.
  const known = Object.fromEntries(kept.filter(([key]) => !unconfirmed.includes(key)))
  checkLabels(set, known, config.limits)
  await putLabels(unit, node, {
    labels: { ...Object.fromEntries(kept), ...set },
    unconfirmed: unconfirmed.filter((key) => !remove.includes(key) && !Object.hasOwn(set, key)),
  })
}
