import { ApiError } from '@plexd/protocol'

/** Counts the tails that each operator has open, so that one script cannot take the memory of the control plane. */
export interface OpenTails {
  /** Throws an ApiError (429) above the limit; until it is disposed of, it counts. */
  take(operatorId: string, limit: number): Disposable
}

export function createOpenTails(): OpenTails {
  const open = new Map<string, number>()
  return {
    take(operatorId, limit) {
      const count = open.get(operatorId) ?? 0
      if (count >= limit)
        throw new ApiError(
          'too_many_requests',
          `this operator follows ${count} streams already (limit operator_tails): end one of them`,
          { retryAfterSeconds: 10 },
        )
      open.set(operatorId, count + 1)
      return {
        [Symbol.dispose]() {
          const left = (open.get(operatorId) ?? 1) - 1
          if (left === 0) open.delete(operatorId)
          else open.set(operatorId, left)
        },
      }
    },
  }
}
