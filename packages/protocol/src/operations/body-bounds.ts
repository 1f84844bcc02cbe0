import type { Bound, JsonBounds } from '../json/json-gate.ts'
import { ApiError } from './errors.ts'
import { defaultMaxBodyBytes, type Operation } from './operation.ts'

export const defaultMaxDepth = 64
export const defaultMaxValues = 200_000

/** The bounds that an operation's row sets for its body. */
export function jsonBoundsOf({
  maxBodyBytes = defaultMaxBodyBytes,
  maxDepth = defaultMaxDepth,
  maxValues = defaultMaxValues,
  requestKind,
}: Operation): JsonBounds {
  return { maxBytes: maxBodyBytes, maxDepth, maxValues, lines: requestKind === 'batch' }
}

/**
 * The error for a refused body, with the status of its row. It names the bound, its value, and, if given, `about`: what
 * the body is for, such as `key "nginx.conf"`.
 */
export function boundRefusal(operation: Operation, passed: Bound, about?: string): ApiError {
  const { maxBytes, maxDepth, maxValues } = jsonBoundsOf(operation)
  const words = {
    bytes: `request body is larger than ${maxBytes} bytes: send less at a time`,
    depth: `request body is nested deeper than ${maxDepth}: make it flatter`,
    values: `request body has more than ${maxValues} values: send it in parts`,
  }
  const status = operation.gateStatus ?? (passed === 'bytes' ? 413 : 400)
  return new ApiError(
    status === 413 ? 'payload_too_large' : 'bad_request',
    `${about === undefined ? '' : `${about}: `}${words[passed]}`,
  )
}
