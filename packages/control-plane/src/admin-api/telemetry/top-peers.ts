import {
  adminApi,
  groupNames,
  type MetricPoint,
  metricGroups,
  metricValues,
  type PeerUsage,
} from '@plexd/protocol'
import type { Environment, SideStores, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import { findNode } from '../wire/find-node.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { timestampOrNull } from '../wire/timestamps.ts'
import { signalOf } from './request-signal.ts'
import { shownValue } from './shown-value.ts'
import { isStale } from './staleness.ts'

/** As far back as one looks for the last values of a peer. */
const backMs = 10 * 60_000
/** Points of both groups of some thousand peers. */
const maxRecords = 10_000
const units = ['tunnel_health', 'peer_latency'].flatMap(groupNames)

/** By the names of the peers. */
export const topPeers = handle(
  adminApi.topPeers,
  async (
    { principal, params, reply },
    app: State & SideStores & Waiters & Environment,
  ): Promise<{ items: PeerUsage[] }> => {
    const { tenant_id } = principal
    const node = findNode(app.fleet, principal, params.node)
    const nowMs = app.clock.now()
    const peers = new Map<string, LastValues>()
    for await (const records of app.telemetry.search({
      tenant_id,
      kind: 'metrics',
      node_ids: [node.id],
      units,
      sinceMs: nowMs - backMs,
      untilMs: Number.MAX_SAFE_INTEGER,
      order: 'newest',
      limit: maxRecords,
      signal: signalOf(app, principal, reply),
    }))
      for (const { record, received_at } of records) take(peers, record, received_at)
    const hostnameOf = await readHostnames(app, { tenantId: tenant_id, ids: peers.keys() })
    const items = Array.from(peers, ([id, values]) => usageOf(id, hostnameOf(id), values, nowMs))
    return { items: items.sort((a, b) => (a.peer_hostname < b.peer_hostname ? -1 : 1)) }
  },
)

interface LastValues {
  measuredMs: number
  values: Map<string, number>
}

/** The newest come first, so what is there already stays. */
function take(peers: Map<string, LastValues>, record: string, receivedMs: number): void {
  const point = metricValues(JSON.parse(record) as MetricPoint) // checked when it came
  if (point?.peer_id === undefined) return
  const measuredMs = Math.min(point.atMs, receivedMs)
  const last = peers.getOrInsertComputed(point.peer_id, () => ({ measuredMs, values: new Map() }))
  for (const [field, value] of Object.entries(point.values))
    if (!last.values.has(field)) last.values.set(field, shownValue(value))
}

const fields = [
  ...Object.keys(metricGroups.tunnel_health),
  ...Object.keys(metricGroups.peer_latency),
]

function usageOf(
  peer_id: string,
  peer_hostname: string,
  { measuredMs, values }: LastValues,
  nowMs: number,
): PeerUsage {
  return {
    peer_id,
    peer_hostname,
    measured_at: timestampOrNull(measuredMs),
    stale: isStale(measuredMs, nowMs),
    ...Object.fromEntries(fields.map((field) => [field, values.get(field) ?? null])),
  } as PeerUsage // the fields of both groups
}
