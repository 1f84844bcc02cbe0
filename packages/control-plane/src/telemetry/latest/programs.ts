import type { Sample } from '../packs/samples.ts'
import type { RecordSource } from '../store.ts'
import type { LatestValue } from './latest-value.ts'

/** Of how many series of programs there may be at a time. */
type LimitName = 'node_program_series' | 'tenant_program_series'

/** Of one metric of a node: the last value by the key of each series. */
export type ProgramSeries = ReadonlyMap<string, LatestValue>

/** What found no room. */
export interface LeftOut {
  /** Since the start. */
  values: number
  /** The last of the series. */
  series: string
  limit: LimitName
  /** When it came. */
  atMs: number
}

/**
 * The series that programs on nodes send, with their last values: which of them are kept, and how many there are, is decided here and for all.
 * One that nothing has come of for an hour makes room. Pure state.
 */
export interface Programs {
  /** Whether it is one of those that are kept; if not, it is counted when `isNew`. */
  take(source: RecordSource, sample: Sample, arrival: Arrival): boolean
  /** Of a node, by the names of metrics. */
  of(nodeId: string): ReadonlyMap<string, ProgramSeries>
  leftOut(nodeId: string): LeftOut | undefined
  forget(nodeId: string): void
}

export interface Arrival {
  /** When it was measured, no later than it came. */
  atMs: number
  arrivedMs: number
  /** Whether it comes now, and was not stored before. */
  isNew: boolean
}

interface Entry extends LatestValue {
  arrivedMs: number
}

interface OfNode {
  tenantId: string
  size: number
  byName: Map<string, Map<string, Entry>>
  leftOut: LeftOut | undefined
}

interface OfTenant {
  size: number
  nodeIds: Set<string>
  /** When it was looked for series that have ended, the last time. */
  sweptMs: number
}

const endedMs = 3_600_000
/** Looking for room takes a while, and is in vain most of the time. */
const sweepEachMs = 60_000

/** Of a node that is gone nothing is kept here: nobody would forget it. */
export function createPrograms(
  limits: () => Readonly<Record<LimitName, number>>,
  isNode: (id: string) => boolean = () => true,
): Programs {
  const nodes = new Map<string, OfNode>()
  const tenants = new Map<string, OfTenant>()

  function nodeOf({ tenant_id, node_id }: RecordSource): OfNode {
    return nodes.getOrInsertComputed(node_id, () => {
      tenantOf(tenant_id).nodeIds.add(node_id)
      return { tenantId: tenant_id, size: 0, byName: new Map(), leftOut: undefined }
    })
  }

  function tenantOf(tenantId: string): OfTenant {
    return tenants.getOrInsertComputed(tenantId, () => ({
      size: 0,
      nodeIds: new Set(),
      sweptMs: Number.NEGATIVE_INFINITY,
    }))
  }

  function fullLimit({ size, tenantId }: OfNode): LimitName | undefined {
    const { node_program_series, tenant_program_series } = limits()
    if (size >= node_program_series) return 'node_program_series'
    return tenantOf(tenantId).size >= tenant_program_series ? 'tenant_program_series' : undefined
  }

  /** The series of a tenant that have ended go. */
  function sweep(tenantId: string, nowMs: number): void {
    const tenant = tenantOf(tenantId)
    if (nowMs - tenant.sweptMs < sweepEachMs) return
    tenant.sweptMs = nowMs
    for (const id of tenant.nodeIds) {
      const node = nodes.get(id)
      if (node) tenant.size -= sweepNode(node, nowMs)
    }
  }

  return {
    take(source, { series: { key, name }, value }, { atMs, arrivedMs, isNew }) {
      // What is stored of it has its series all the same.
      if (!isNode(source.node_id)) return true
      const node = nodeOf(source)
      const before = node.byName.get(name)?.get(key)
      if (before) {
        before.arrivedMs = Math.max(before.arrivedMs, arrivedMs)
        if (atMs >= before.atMs) Object.assign(before, { value, atMs })
        return true
      }
      if (fullLimit(node)) sweep(node.tenantId, arrivedMs)
      const limit = fullLimit(node)
      if (limit) {
        const values = (node.leftOut?.values ?? 0) + 1
        if (isNew) node.leftOut = { values, series: key, limit, atMs: arrivedMs }
        return false
      }
      const series = node.byName.getOrInsertComputed(name, () => new Map())
      series.set(key, { value, atMs, arrivedMs })
      node.size++
      tenantOf(node.tenantId).size++
      return true
    },
    of: (nodeId) => nodes.get(nodeId)?.byName ?? none,
    leftOut: (nodeId) => nodes.get(nodeId)?.leftOut,
    forget(nodeId) {
      const node = nodes.get(nodeId)
      if (!node) return
      nodes.delete(nodeId)
      const tenant = tenantOf(node.tenantId)
      tenant.size -= node.size
      tenant.nodeIds.delete(nodeId)
      if (tenant.nodeIds.size === 0) tenants.delete(node.tenantId)
    },
  }
}

const none: ReadonlyMap<string, ProgramSeries> = new Map()

/** Returns how many have gone. */
function sweepNode(node: OfNode, nowMs: number): number {
  let count = 0
  for (const [name, series] of node.byName) {
    for (const [key, { arrivedMs }] of series)
      if (nowMs - arrivedMs >= endedMs) {
        series.delete(key)
        count++
      }
    if (series.size === 0) node.byName.delete(name)
  }
  node.size -= count
  return count
}
