import { adminApi, type MetricField, metricGroups, type NodeUsage } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { firstOf } from '../../rows/page.ts'
import { selectedBy } from '../../runs/choose-nodes.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { timestampOrNull } from '../wire/timestamps.ts'
import { shownValue } from './shown-value.ts'
import { isStale } from './staleness.ts'

type Needs = State & SideStores & Environment

/** In the order of registration. */
export const topNodes = handle(adminApi.topNodes, async ({ principal, query }, app: Needs) => {
  const bounds = boundsOf(query, app.config)
  const [afterNo] = cursorOf(query, [0]) ?? [0]
  const isAskedFor = selectedBy(query.selector ?? '*')
  const nodes = Array.from(app.fleet.nodes(principal.tenant_id)).filter(
    (node) => node.no > afterNo && isAskedFor(node),
  )
  const page = firstOf(nodes, bounds, () => 0)
  return {
    items: page.rows.map((node) => usageOf(app, node)),
    next: nextOf(page, ({ no }) => [no]),
  }
})

type Field = MetricField<'node_resources'>
const fields = Object.keys(metricGroups.node_resources) as Field[] // the keys of the table

function usageOf({ latest, clock }: Needs, { id, hostname, status }: NodeRecord): NodeUsage {
  const values = {} as Record<Field, number | null> // all of them, below
  let measuredMs: number | null = null
  for (const field of fields) {
    const last = latest.of(id, `node_resources.${field}`)
    values[field] = last ? shownValue(last.value) : null
    if (last) measuredMs = Math.max(last.atMs, measuredMs ?? 0)
  }
  return {
    node_id: id,
    node_hostname: hostname,
    status,
    measured_at: timestampOrNull(measuredMs),
    stale: isStale(measuredMs, clock.now()),
    ...values,
  }
}
