import { setImmediate as turn } from 'node:timers/promises'
import type { Removal } from './pack-removal.ts'
import { type RecordKind, recordKinds } from './packs/kinds.ts'
import type { Holding } from './partition.ts'
import type { RecordSource, Retention } from './store.ts'

/** What a partition is to who makes room. Those of files answer at once. */
export interface PrunablePartition extends Removal {
  lastReceivedAtMs(): number | Promise<number>
  holdings(): readonly Holding[] | Promise<readonly Holding[]>
  tenantBytes(): TenantBytes | Promise<TenantBytes>
}

type TenantBytes = readonly Pick<Holding, 'tenant_id' | 'bytes'>[]

export interface PrunablePartitions<One extends PrunablePartition = PrunablePartition> {
  /** The oldest first. */
  of(kind: RecordKind): readonly One[] | Promise<readonly One[]>
  /** Removes one that is not the last of its kind, with all its records, and says how many these were. */
  drop(kind: RecordKind, partition: One): Promise<number>
}

/** Past its part of this, a removal gives others their turn. */
const stepBytes = 8 * 1024 * 1024

/** How many records went. */
export async function prunePartitions<One extends PrunablePartition>(
  partitions: PrunablePartitions<One>,
  { beforeMs, maxBytes, maxAuditBytes, maxTenantBytes }: Retention,
): Promise<number> {
  let gone = 0
  for (const kind of recordKinds) gone += await removeOld(partitions, kind, beforeMs)
  for (const [kinds, max] of [
    [recordKinds.filter((kind) => kind !== 'audit'), maxBytes],
    [['audit'], maxAuditBytes],
  ] as const) {
    gone += await removeExcess(partitions, kinds, Math.min(max, maxTenantBytes), tenantOf)
    gone += await removeExcess(partitions, kinds, max, everyone)
  }
  return gone
}

async function removeOld<One extends PrunablePartition>(
  partitions: PrunablePartitions<One>,
  kind: RecordKind,
  beforeMs: number,
): Promise<number> {
  let gone = 0
  const all = await partitions.of(kind)
  for (const partition of all) {
    const isNewest = partition === all.at(-1)
    if (!isNewest && (await partition.lastReceivedAtMs()) < beforeMs)
      gone += await partitions.drop(kind, partition)
    else return gone + (await removeOldRows(partition, beforeMs))
  }
  return gone
}

async function removeOldRows(partition: PrunablePartition, beforeMs: number): Promise<number> {
  let gone = 0
  for (;;) {
    const { records } = await partition.removeBefore(beforeMs)
    if (records === 0) return gone
    gone += records
    await turn()
  }
}

type GroupOf = (source: Pick<RecordSource, 'tenant_id'>) => string
const tenantOf: GroupOf = ({ tenant_id }) => tenant_id
const everyone: GroupOf = () => ''

/** Within each group, the node and kind with most lose their oldest until the group has its bytes. */
async function removeExcess(
  partitions: PrunablePartitions,
  kinds: readonly RecordKind[],
  maxBytes: number,
  groupOf: GroupOf,
): Promise<number> {
  const totals = new Map<string, number>()
  for (const kind of kinds)
    for (const partition of await partitions.of(kind))
      for (const { tenant_id, bytes } of await partition.tenantBytes()) {
        const group = groupOf({ tenant_id })
        totals.set(group, (totals.get(group) ?? 0) + bytes)
      }
  let gone = 0
  for (const [group, bytes] of totals)
    if (bytes > maxBytes) {
      const shares = await sharesOf(partitions, kinds)
      const ofGroup = shares.filter((share) => groupOf(share) === group)
      gone += await removeFrom(partitions, ofGroup, bytes - maxBytes)
    }
  return gone
}

async function removeFrom(
  partitions: PrunablePartitions,
  shares: readonly Share[],
  bytes: number,
): Promise<number> {
  let gone = 0
  for (let excess = bytes; excess > 0; ) {
    const most = shares.reduce((a, b) => (b.bytes > a.bytes ? b : a))
    const removed = await removeOldest(partitions, most, Math.min(excess, stepBytes))
    if (removed.bytes === 0) return gone
    most.bytes -= removed.bytes
    excess -= removed.bytes
    gone += removed.records
    await turn()
  }
  return gone
}

/** What one node has of one kind. */
interface Share extends Holding {
  kind: RecordKind
}

async function sharesOf(
  partitions: PrunablePartitions,
  kinds: readonly RecordKind[],
): Promise<Share[]> {
  const shares = new Map<string, Share>()
  for (const kind of kinds)
    for (const partition of await partitions.of(kind)) {
      for (const holding of await partition.holdings()) {
        const key = `${kind} ${holding.tenant_id} ${holding.node_id}`
        const bytes = holding.bytes + (shares.get(key)?.bytes ?? 0)
        shares.set(key, { ...holding, kind, bytes })
      }
      await turn()
    }
  return [...shares.values()]
}

async function removeOldest(partitions: PrunablePartitions, share: Share, bytes: number) {
  for (const partition of await partitions.of(share.kind)) {
    const removed = await partition.removeOf(share, bytes)
    if (removed.bytes > 0) return removed
  }
  return { records: 0, bytes: 0 }
}
