import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The kernel's table of flows, of this network namespace. */
export interface FlowTable {
  flows: number
  /** With more the kernel drops what begins a new one, on every interface, and says so in its log alone. */
  limit: number
}

/** Undefined where nothing is tracked. */
export async function readFlowTable(
  folder = '/proc/sys/net/netfilter',
): Promise<FlowTable | undefined> {
  const [flows, limit] = await Promise.all(
    ['nf_conntrack_count', 'nf_conntrack_max'].map((name) =>
      readFile(join(folder, name), 'utf8').then(Number, () => Number.NaN),
    ),
  )
  return flows !== undefined && limit !== undefined && flows >= 0 && limit > 0
    ? { flows, limit }
    : undefined
}

/** Where a burst would fill it. */
const narrowShare = 0.9

/** Undefined while there is room. Pure. */
export function roomFault({
  flows,
  limit,
}: FlowTable): { isFull: boolean; detail: string; remedy: string } | undefined {
  if (flows < limit * narrowShare) return undefined
  const isFull = flows >= limit
  const meaning = isFull
    ? 'what begins a new one is dropped, in the mesh and beside it'
    : 'when none is left, what begins a new one is dropped'
  return {
    isFull,
    detail: `the kernel tracks ${flows} of at most ${limit} flows: ${meaning}`,
    remedy: `sysctl -w net.netfilter.nf_conntrack_max=${2 * limit}`,
  }
}
