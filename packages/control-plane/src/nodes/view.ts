import type { Capabilities, Node, NodeDetail } from '@plexd/protocol'
import type { App } from '../app.ts'
import type { NodeRow } from '../store/schema.ts'
import { hostnameTrouble } from './hostname.ts'

/** A node as operators see it: its row, and what is known of its life at this moment. */
export async function nodeView(app: App, row: NodeRow): Promise<Node> {
  const { presence, instances, heads, fleet } = app
  const { lastSeenMs, problemsSinceMs, clockSkewMs, fetchedSeq, heartbeat } = presence.of(row.no)
  const capabilities = capabilitiesOf(row)
  return {
    id: row.id,
    hostname: row.hostname,
    hostname_trouble: hostnameTrouble(fleet, row),
    mesh_ip: row.mesh_ip,
    public_key: row.public_key,
    key_changed_at: new Date(row.key_changed_at).toISOString(),
    key_rotation_requested: row.rotate_keys === 1,
    status: row.status,
    connected: presence.isConnected(row.no),
    identity_in_use: instances.inUse(row.no) ?? null,
    // Both written by us, cut or checked when they came in.
    labels: JSON.parse(row.labels),
    reported: JSON.parse(row.reported),
    endpoint: row.endpoint,
    nat_type: row.nat_type,
    local_endpoints: JSON.parse(row.local_endpoints) as string[], // written by us, checked when it came in
    version: capabilities?.binary?.version ?? '',
    registered_at: new Date(row.registered_at).toISOString(),
    last_seen_at: timeOf(lastSeenMs),
    clock_skew_seconds: Math.round(clockSkewMs / 1_000),
    revision: heads.revisionOf(row.no),
    fetched_revision: fetchedSeq < 0 ? '' : heads.positionOf(fetchedSeq),
    problems: heartbeat?.problems ?? [],
    problems_said_at: timeOf(problemsSinceMs),
    no_room: await noRoomFor(app, row.id),
  }
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

async function noRoomFor({ fleet, entries }: App, id: string): Promise<string[]> {
  const node = fleet.node(id)
  return node ? entries.leftOutOf(node) : []
}

export async function nodeDetail(app: App, row: NodeRow): Promise<NodeDetail> {
  return {
    ...(await nodeView(app, row)),
    capabilities: capabilitiesOf(row),
    heartbeat: app.presence.of(row.no).heartbeat,
    reports_left_out: app.reportsLeftOut.get(row.id) ?? 0,
  }
}

/** What the node said it can do; null when it never said. */
export function capabilitiesOf({
  capabilities,
}: Pick<NodeRow, 'capabilities'>): Capabilities | null {
  return capabilities === null ? null : (JSON.parse(capabilities) as Capabilities) // stored as it was checked
}
