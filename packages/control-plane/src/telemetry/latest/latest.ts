import { peerGroups } from '@plexd/protocol'
import type { ArrivedFacts } from '../packs/matcher.ts'
import type { Sample } from '../packs/samples.ts'
import type { ArrivedBatch, RecordSource } from '../store.ts'
import type { LatestValue } from './latest-value.ts'
import type { Programs } from './programs.ts'

/**
 * The last values of all nodes, in memory: of each metric in the table, under its name (`node_resources.cpu_percent`), and of the series of programs. Of
 * a metric in the table that each peer has, the worst of the last minute: the largest.
 */
export interface Latest {
  /** Of a metric in the table. */
  of(nodeId: string, metric: string): LatestValue | undefined
  /** All of these of one node, by name. */
  allOf(nodeId: string): ReadonlyMap<string, LatestValue>
  programs: Pick<Programs, 'of' | 'leftOut'>
  follow(batch: Pick<ArrivedBatch, 'kind' | 'source' | 'received_at' | 'facts'>): void
  /** The node is gone. */
  forget(nodeId: string): void
}

/** Of the metrics of peers a node sends one point each, at one time. */
const sameRoundMs = 60_000

const none: ReadonlyMap<string, LatestValue> = new Map()

/** What comes late of a node that is gone is not kept: nobody would forget it. */
export function createLatest(
  programs: Programs,
  isNode: (id: string) => boolean = () => true,
): Latest {
  const nodes = new Map<string, Map<string, LatestValue>>()

  function take(source: RecordSource, { point }: ArrivedFacts, arrivedMs: number): void {
    if (!point || !isNode(source.node_id)) return
    const atMs = Math.min(point.atMs, arrivedMs)
    const values = nodes.getOrInsertComputed(source.node_id, () => new Map())
    for (const sample of point.samples) {
      if (sample.series.isProgram) programs.take(source, sample, { atMs, arrivedMs, isNew: true })
      else takeOwn(values, sample, atMs)
    }
  }

  return {
    of: (nodeId, metric) => nodes.get(nodeId)?.get(metric),
    allOf: (nodeId) => nodes.get(nodeId) ?? none,
    programs,
    follow({ kind, source, received_at, facts }) {
      if (kind !== 'metrics') return
      for (const fact of facts) take(source, fact, received_at)
    },
    forget(nodeId) {
      nodes.delete(nodeId)
      programs.forget(nodeId)
    },
  }
}

function takeOwn(
  values: Map<string, LatestValue>,
  { series: { name }, value }: Sample,
  atMs: number,
): void {
  const before = values.get(name)
  if (before === undefined || isNews(name, before, { value, atMs }))
    values.set(name, { value, atMs })
}

const peerPrefixes = Array.from(peerGroups, (group) => `${group}.`)

/** Batches may come late and in any order. */
function isNews(name: string, before: LatestValue, now: LatestValue): boolean {
  if (!peerPrefixes.some((prefix) => name.startsWith(prefix))) return now.atMs >= before.atMs
  if (now.atMs - before.atMs > sameRoundMs) return true
  return now.value > before.value && before.atMs - now.atMs < sameRoundMs
}
