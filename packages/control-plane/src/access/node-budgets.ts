import { ApiError, type Operation } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { createRateLimit } from './rate-limit.ts'

/** Limits what one node may take of the control plane, so that it cannot starve the others. */
export interface NodeBudgets {
  /** Batches, by bytes and records. */
  telemetry: NodeBudget
  /** The same of all nodes of a tenant, by its id. */
  tenantTelemetry: NodeBudget
  /** All other writes. */
  writes: NodeBudget
  /** Full states sent to it. */
  pulls: NodeBudget
  /** Key changes; each is an event for all its peers. */
  rotations: NodeBudget
}

export interface NodeBudget {
  /** Whether it is over its budget. */
  isSpent(nodeId: string): boolean
  /** Throws an ApiError (429) with the limit and the time to retry if it is over its budget. */
  demand(nodeId: string): void
  charge(nodeId: string, taken: { records?: number; bytes?: number }): void
}

/** For operations without a budget of their own. */
const burstSeconds = 10

export function createNodeBudgets(limits: Limits, { monotonic }: Clock): NodeBudgets {
  const bytesPerSecond = limits.node_bytes_per_second
  const budget = (
    who: string,
    does: string,
    rates: { recordsPerSecond: number; bytesPerSecond?: number; burstSeconds?: number },
  ): NodeBudget => {
    const rate = createRateLimit(monotonic, { bytesPerSecond, burstSeconds, ...rates })
    return {
      isSpent: (nodeId) => rate.retryAfterSeconds(nodeId) !== undefined,
      demand(nodeId) {
        const retryAfterSeconds = rate.retryAfterSeconds(nodeId)
        if (retryAfterSeconds !== undefined)
          throw new ApiError('too_many_requests', `${who} ${does}`, { retryAfterSeconds })
      },
      charge: (nodeId, { records = 0, bytes = 0 }) => rate.charge(nodeId, { records, bytes }),
    }
  }
  return {
    telemetry: budget(
      'this node',
      `sends more than ${limits.telemetry_records_per_second} records or ${bytesPerSecond} bytes of telemetry a second (limits telemetry_records_per_second and node_bytes_per_second): wait and send it again`,
      { recordsPerSecond: limits.telemetry_records_per_second },
    ),
    tenantTelemetry: budget(
      'the nodes of this tenant',
      `send more than ${limits.tenant_telemetry_records_per_second} records or ${limits.tenant_telemetry_bytes_per_second} bytes of telemetry a second (limits tenant_telemetry_records_per_second and tenant_telemetry_bytes_per_second): wait and send it again`,
      {
        recordsPerSecond: limits.tenant_telemetry_records_per_second,
        bytesPerSecond: limits.tenant_telemetry_bytes_per_second,
      },
    ),
    writes: budget(
      'this node',
      `writes more than ${limits.node_writes_per_second} times a second (limit node_writes_per_second): wait and send it again`,
      { recordsPerSecond: limits.node_writes_per_second },
    ),
    pulls: budget(
      'this node',
      `pulls more than ${limits.node_state_bytes_per_second} bytes of states a second (limit node_state_bytes_per_second): wait, and name the revision that it has (If-None-Match)`,
      {
        recordsPerSecond: Number.POSITIVE_INFINITY,
        bytesPerSecond: limits.node_state_bytes_per_second,
      },
    ),
    rotations: budget(
      'this node',
      `rotates its key more than ${limits.key_rotations_per_minute} times a minute (limit key_rotations_per_minute): wait and send it again`,
      { recordsPerSecond: limits.key_rotations_per_minute / 60, burstSeconds: 60 },
    ),
  }
}

/** Batches are counted by their contents instead. */
export function isCountedWrite({ method, requestKind, unlimited }: Operation): boolean {
  return method !== 'GET' && requestKind !== 'batch' && !unlimited
}
