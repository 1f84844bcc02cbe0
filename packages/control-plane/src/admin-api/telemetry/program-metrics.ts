import { adminApi, type NodeProgramMetrics, type ProgramMetric } from '@plexd/protocol'
import type { Environment, SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { firstOf } from '../../rows/page.ts'
import type { LeftOut, ProgramSeries } from '../../telemetry/latest/programs.ts'
import { isCounterMetric, readSeriesKey } from '../../telemetry/packs/samples.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { timestamp } from '../wire/timestamps.ts'
import { unitOf } from './find-metric.ts'
import { nodeIdsOf } from './record-filter.ts'

/** In the order of registration. */
export const listProgramMetrics = handle(
  adminApi.listProgramMetrics,
  async ({ principal, query }, app: State & SideStores & Environment) => {
    const bounds = boundsOf(query, app.config)
    const [afterNo] = cursorOf(query, [0]) ?? [0]
    const ids = await nodeIdsOf(app, principal, query)
    const isAskedFor = ids && new Set(ids)
    const nodes = Array.from(app.fleet.nodes(principal.tenant_id)).filter(
      ({ id, no }) => no > afterNo && (isAskedFor?.has(id) ?? true) && sends(app, id),
    )
    const page = firstOf(nodes, bounds, ({ id }) => sizeOf(app, id))
    return {
      items: page.rows.map((node) => viewOf(app, node)),
      next: nextOf(page, ({ no }) => [no]),
    }
  },
)

/** The names of the metrics that programs on the nodes of a tenant send now, with their groups. */
export function programMetrics(
  { fleet, latest }: State & SideStores,
  tenantId: string,
): Set<string> {
  const names = new Set<string>()
  for (const { id } of fleet.nodes(tenantId))
    for (const name of latest.programs.of(id).keys()) names.add(name)
  return names
}

function sends({ latest }: SideStores, nodeId: string): boolean {
  return latest.programs.of(nodeId).size > 0 || latest.programs.leftOut(nodeId) !== undefined
}

/** Bytes of an item, without the values of labels. */
const metricBytes = 256

function sizeOf({ latest }: SideStores, nodeId: string): number {
  return latest.programs.of(nodeId).size * metricBytes
}

function viewOf({ latest }: SideStores, { id, hostname }: NodeRecord): NodeProgramMetrics {
  const metrics = Array.from(latest.programs.of(id), ([name, series]) => metricOf(name, series))
  const leftOut = latest.programs.leftOut(id)
  return {
    node_id: id,
    node_hostname: hostname,
    metrics: metrics.sort((a, b) => (a.name < b.name ? -1 : 1)),
    left_out: leftOut ? leftOutView(leftOut) : null,
  }
}

function leftOutView({ values, series, limit, atMs }: LeftOut) {
  return { values, series, limit, at: timestamp(atMs) }
}

function metricOf(name: string, series: ProgramSeries): ProgramMetric {
  const lastMs = Array.from(series.values()).reduce((last, { atMs }) => Math.max(last, atMs), 0)
  const dotAt = name.lastIndexOf('.')
  return {
    group: name.slice(0, dotAt),
    name,
    type: isCounterMetric(name) ? 'counter' : 'gauge',
    unit: unitOf(name.slice(dotAt + 1)),
    series: series.size,
    labels: labelsOf(series),
    last_at: timestamp(lastMs),
  }
}

const maxValues = 10

function labelsOf(series: ProgramSeries): Record<string, string[]> {
  const values = new Map<string, Set<string>>()
  for (const key of series.keys())
    for (const [label, value] of readSeriesKey(key).labels) {
      const of = values.getOrInsertComputed(label, () => new Set())
      if (of.size < maxValues) of.add(value)
    }
  return Object.fromEntries(Array.from(values, ([label, found]) => [label, [...found].sort()]))
}
