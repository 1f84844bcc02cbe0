import { ApiError, type Operation } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import { createRateLimit } from './rate-limit.ts'

/** What one node may take of the control plane, so that none keeps it from the others. */
export interface NodeBudgets {
  /** Batches, by their bytes and records. */
  telemetry: NodeBudget
  /** Whatever else it sends. */
  writes: NodeBudget
  /** Whole states that it is given. */
  pulls: NodeBudget
  /** Other keys that it takes: all its peers are told of each. */
  rotations: NodeBudget
}

export interface NodeBudget {
  /** Whether it has to wait. */
  isSpent(nodeId: string): boolean
  /** Throws an ApiError (429) that says the limit and when to come again, when it has to wait. */
  demand(nodeId: string): void
  charge(nodeId: string, taken: { records?: number; bytes?: number }): void
}

/** For all that have no other. */
const burstSeconds = 10

export function createNodeBudgets(limits: Limits, { monotonic }: Clock): NodeBudgets {
  const bytesPerSecond = limits.node_bytes_per_second
  const budget = (
    does: string,
    rates: { recordsPerSecond: number; bytesPerSecond?: number; burstSeconds?: number },
  ): NodeBudget => {
    const rate = createRateLimit(monotonic, { bytesPerSecond, burstSeconds, ...rates })
    return {
      isSpent: (nodeId) => rate.retryAfterSeconds(nodeId) !== undefined,
      demand(nodeId) {
        const retryAfterSeconds = rate.retryAfterSeconds(nodeId)
        if (retryAfterSeconds !== undefined)
          throw new ApiError('too_many_requests', `this node ${does}`, { retryAfterSeconds })
      },
      charge: (nodeId, { records = 0, bytes = 0 }) => rate.charge(nodeId, { records, bytes }),
    }
  }
  return {
    telemetry: budget(
      `sends more than ${limits.telemetry_records_per_second} records or ${bytesPerSecond} bytes of telemetry a second (limits telemetry_records_per_second and node_bytes_per_second): wait and send it again`,
      { recordsPerSecond: limits.telemetry_records_per_second },
    ),
    writes: budget(
      `writes more than ${limits.node_writes_per_second} times a second (limit node_writes_per_second): wait and send it again`,
      { recordsPerSecond: limits.node_writes_per_second },
    ),
    pulls: budget(
      `pulls more than ${limits.node_state_bytes_per_second} bytes of states a second (limit node_state_bytes_per_second): wait, and name the revision that it has (If-None-Match)`,
      {
        recordsPerSecond: Number.POSITIVE_INFINITY,
        bytesPerSecond: limits.node_state_bytes_per_second,
      },
    ),
    rotations: budget(
      `rotates its key more than ${limits.key_rotations_per_minute} times a minute (limit key_rotations_per_minute): wait and send it again`,
      { recordsPerSecond: limits.key_rotations_per_minute / 60, burstSeconds: 60 },
    ),
  }
}

/** Batches are limited by what is in them. */
export function isCountedWrite({ method, requestKind, unlimited }: Operation): boolean {
  return method !== 'GET' && requestKind !== 'batch' && !unlimited
}
