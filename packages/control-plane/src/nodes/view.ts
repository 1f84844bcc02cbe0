import {
  ApiError,
  formatCidr,
  type Node,
  type NodeBinary,
  type NodeDetail,
  parseIpv4,
  rangeOf,
  versionTrouble,
} from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import type { Delivery, NodeMemory, State } from '../app.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { StoredBinary } from '../rows/fleet/node-binaries.ts'
import { readNode, type StoredNode } from '../rows/fleet/nodes.ts'
import { version } from '../version.ts'
import { hostnameTrouble } from './hostname.ts'

/** A node as operators see it: its row, and its current presence. */
export async function nodeView(
  app: State & Delivery & NodeMemory,
  stored: StoredNode,
): Promise<Node> {
  const { presence, instances, heads, fleet } = app
  const { node, registered_at, capabilities, binary } = stored
  const { no, id } = node
  const { lastSeenMs, problemsSinceMs, clockSkewMs, fetchedSeq, heartbeat } = presence.of(no)
  const said = binary?.version ?? capabilities?.binary?.version ?? ''
  const trouble = node.is_go ? '' : versionTrouble(said, version)
  return {
    id,
    hostname: node.hostname,
    hostname_trouble: hostnameTrouble(fleet, node),
    mesh_ip: node.mesh_ip,
    mesh_range: rangeText(app, node),
    public_key: node.public_key,
    key_changed_at: new Date(node.key_changed_at).toISOString(),
    key_rotation_requested: node.rotate_keys,
    status: node.status,
    connected: presence.isConnected(no),
    identity_in_use: instances.inUse(no) ?? null,
    labels: node.labels,
    reported: node.reported,
    endpoint: node.endpoint,
    nat_type: node.nat_type,
    local_endpoints: [...node.local_endpoints],
    version: said,
    ...(trouble === '' ? {} : { version_trouble: trouble }),
    binary: binary && binaryView(binary),
    upgrade: heartbeat?.upgrade ?? null,
    registered_at: new Date(registered_at).toISOString(),
    last_seen_at: isoTime(lastSeenMs),
    clock_skew_seconds: Math.round(clockSkewMs / 1_000),
    revision: heads.revisionOf(no),
    fetched_revision: fetchedSeq < 0 ? '' : heads.positionOf(fetchedSeq),
    problems: heartbeat?.problems ?? [],
    problems_said_at: isoTime(problemsSinceMs),
    no_room: await noRoomFor(app, id),
  }
}

function binaryView({ version, checksum, state, sinceMs }: StoredBinary): NodeBinary {
  return { version, checksum, state, since: new Date(sinceMs).toISOString() }
}

/** Empty only for a node that was just removed together with the range. */
function rangeText({ fleet }: State, { tenant_id, mesh_ip }: NodeRecord): string {
  const range = rangeOf(fleet.tenant(tenant_id)?.mesh_ranges ?? [], parseIpv4(mesh_ip))
  return range ? formatCidr(range) : ''
}

async function noRoomFor({ fleet, entries }: State, id: string): Promise<string[]> {
  const node = fleet.node(id)
  return node ? entries.leftOutOf(node) : []
}

/** Throws an ApiError (404) with the name as given if it was removed concurrently. */
export async function readNodeDetail(
  app: State & Delivery & NodeMemory,
  id: string,
  askedFor: string,
): Promise<NodeDetail> {
  const stored = await readNode(app.store.reader, id)
  if (!stored) throw new ApiError('not_found', `there is no node "${askedFor}"`)
  return {
    ...(await nodeView(app, stored)),
    capabilities: stored.capabilities,
    heartbeat: app.presence.of(stored.node.no).heartbeat,
    reports_left_out: app.notes.reportsLeftOut.of(id) ?? 0,
  }
}
