import { adminApi, nearest } from '@plexd/protocol'
import type { Delivery, Environment, NodeMemory, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { type Call, handle } from '../../handle.ts'
import type { NodeRecord, OperatorRecord } from '../../mesh/fleet.ts'
import { checkLabels, warningsOf } from '../../nodes/labels.ts'
import { confirm, drop, putLabels, readUnconfirmed } from '../../nodes/unconfirmed.ts'
import { listUnconfirmed } from '../../nodes/unconfirmed-list.ts'
import { readNodeDetail } from '../../nodes/view.ts'
import { readUnconfirmedOf } from '../../rows/fleet/node-lookups.ts'
import { firstOf } from '../../rows/page.ts'
import { findNode } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

/** A key that is both set and removed is set. Setting labels to their current values changes nothing and sends no events. */
export const setNodeMetadata = handle(
  adminApi.setNodeMetadata,
  async (call, app: State & Delivery & NodeMemory & Environment) => {
    const { principal, params, body } = call
    const before = await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      await setLabels(unit, app, node, call)
      return node
    })
    return {
      ...(await readNodeDetail(app, before.id, params.node)),
      warnings: [...warningsOf(body.set ?? {}), ...missingOf(before, body.remove)],
    }
  },
)

/** The maximum number of missing names to check for typos; a list may be of any length. */
const mostMissing = 10

/** Names to be removed that do not exist: probably misspelt. */
function missingOf(node: NodeRecord, remove: readonly string[] = []): string[] {
  const missing = remove.filter((key) => !Object.hasOwn(node.labels, key))
  const more = missing.length - mostMissing
  return [
    ...missing.slice(0, mostMissing).map((key) => describeMissing(key, node)),
    ...(more > 0 ? [`the node has no labels of ${more} more names`] : []),
  ]
}

function describeMissing(key: string, { labels, reported }: NodeRecord): string {
  const near = nearest(key, Object.keys(labels))
  const hint = Object.hasOwn(reported, key)
    ? 'it is what the node says of itself, which nobody else can change'
    : `it has ${near === undefined ? Object.keys(labels).slice(0, 10).join(', ') || 'none' : `"${near}": did you mean that?`}`
  return `the node has no label ${JSON.stringify(key.slice(0, 64))}: ${hint}`
}

async function setLabels(
  unit: Unit,
  { config }: Environment,
  node: NodeRecord,
  { body: { set = {}, remove = [] } }: Call<typeof adminApi.setNodeMetadata>,
): Promise<void> {
  const unconfirmed = await readUnconfirmedOf(unit.tx, node.id)
  const kept = Object.entries(node.labels).filter(([key]) => !remove.includes(key))
  // Unconfirmed labels may come from the node, so they do not count against the operator's limit.
  const known = Object.fromEntries(kept.filter(([key]) => !unconfirmed.includes(key)))
  checkLabels(set, known, config.limits)
  await putLabels(unit, node, {
    labels: { ...Object.fromEntries(kept), ...set },
    unconfirmed: unconfirmed.filter((key) => !remove.includes(key) && !Object.hasOwn(set, key)),
  })
}

/** By key. */
export const listUnconfirmedLabels = handle(
  adminApi.listUnconfirmedLabels,
  async ({ principal, query }, app: State & Environment) => {
    const [after] = cursorOf(query, ['']) ?? []
    const { fleet, store } = app
    const labels = await listUnconfirmed({ reader: store.reader, fleet }, principal.tenant_id)
    const rest = labels.filter(({ key }) => after === undefined || key > after)
    const page = firstOf(rest, boundsOf(query, app.config), (label) =>
      Buffer.byteLength(JSON.stringify(label)),
    )
    return { items: page.rows, next: nextOf(page, ({ key }) => [key]) }
  },
)

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
