import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The connection tracking table of this network namespace. */
export interface FlowTable {
  flows: number
  /** Beyond it the kernel drops the first packet of each new flow, on every interface, and only logs it. */
  limit: number
}

/** Undefined if nothing is tracked. */
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

/** From this share on a burst would fill it. */
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
