import {
  ApiError,
  type Cidr,
  cidrContains,
  formatCidr,
  type MeshRange,
  parseIpv4,
} from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Config } from '../config/config.ts'
import { capacityOf } from '../mesh/address-pool.ts'
import type { Fleet, NodeRecord, TenantRecord } from '../mesh/fleet.ts'
import { readNewRange, refuseRemoval } from '../mesh/range-change.ts'
import { addRange, deleteRange, readPools, type StoredRange } from '../rows/fleet/mesh-ranges.ts'
import { readRestingIps } from '../rows/fleet/node-lookups.ts'
import { resyncTenant } from './events.ts'

/** Adds a range after the others, from which new nodes get addresses, and makes all nodes pull it. Throws an ApiError (400, 409). */
export async function addMeshRange(unit: Unit, tenantId: string, text: string): Promise<void> {
  const stored = await readPools(unit.tx, tenantId)
  const ranges = stored.map(({ range }) => range)
  const range = readNewRange(text, ranges)
  const position = (stored.at(-1)?.position ?? -1) + 1
  await addRange(unit, tenantOf(unit, tenantId), { range, position })
  resyncTenant(unit, tenantId, otherRanges)
}

/** Removes an unused range and makes all nodes pull the remaining ones. Throws an ApiError (404, 409). */
export async function removeMeshRange(
  unit: Unit,
  config: Pick<Config, 'addressCooldownMs' | 'meshCidr'>,
  tenantId: string,
  text: string,
): Promise<void> {
  const stored = await readPools(unit.tx, tenantId)
  const gone = stored.find(({ range }) => formatCidr(range) === text)
  if (!gone) throw new ApiError('not_found', `there is no mesh range "${text}"`)
  refuseRemoval(gone.range, {
    nodes: unit.fleet.nodes(tenantId),
    resting: await readRestingIps(unit.tx, tenantId, unit.nowMs - config.addressCooldownMs),
    cooldownMs: config.addressCooldownMs,
    policies: unit.fleet.policies(tenantId),
    configured: config.meshCidr,
    isOnly: stored.length === 1,
  })
  await deleteRange(unit, tenantOf(unit, tenantId), gone)
  resyncTenant(unit, tenantId, otherRanges)
}

function tenantOf({ fleet }: Unit, id: string): TenantRecord {
  const tenant = fleet.tenant(id)
  if (!tenant) throw new Error(`change mesh ranges of tenant "${id}": there is no such tenant`)
  return tenant
}

/** A pull instead of an event: the rules about `*` change too, and a state has both. */
const otherRanges = 'the mesh has other ranges'

/** The ranges as operators see them. */
export function meshRangeViews(
  fleet: Fleet,
  tenantId: string,
  stored: readonly StoredRange[],
): MeshRange[] {
  const nodes = [...fleet.nodes(tenantId)]
  return stored.map(({ range, added_at }, at) => ({
    range: formatCidr(range),
    nodes: nodes.filter((node) => isIn(range, node)).length,
    capacity: capacityOf(range),
    takes_new: at === stored.length - 1,
    added_at: new Date(added_at).toISOString(),
  }))
}

function isIn(range: Cidr, { mesh_ip }: NodeRecord): boolean {
  return cidrContains(range, parseIpv4(mesh_ip))
}
