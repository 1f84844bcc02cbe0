import { ApiError, type Operation } from '@plexd/protocol'
import type { App } from './app.ts'

/** A node may always say that it lives, and that it leaves; batches are limited by what is in them. */
const exempt = /\/(heartbeat|deregister)$/

/**
 * Counts what a node writes, before its body is read; the bytes are counted when they are there. Throws an ApiError (429) past `node_writes_per_second`: one node
 * that reports without pause must not keep the disk from the others.
 */
export function limitWrites(
  { nodeWrites, config }: Pick<App, 'nodeWrites' | 'config'>,
  { method, path, requestKind }: Operation,
  nodeId: string,
): void {
  if (method === 'GET' || requestKind === 'batch' || exempt.test(path)) return
  const retryAfterSeconds = nodeWrites.retryAfterSeconds(nodeId)
  if (retryAfterSeconds !== undefined)
    throw new ApiError(
      'too_many_requests',
      `this node writes more than ${config.limits.node_writes_per_second} times a second (limit node_writes_per_second): wait and send it again`,
      { retryAfterSeconds },
    )
  nodeWrites.charge(nodeId, { records: 1, bytes: 0 })
}

/** Throws an ApiError (429) for a node that pulls its whole state without pause: it would take the time of all others. */
export function limitPulls(
  { statePulls, config }: Pick<App, 'statePulls' | 'config'>,
  nodeId: string,
): void {
  const retryAfterSeconds = statePulls.retryAfterSeconds(nodeId)
  if (retryAfterSeconds === undefined) return
  throw new ApiError(
    'too_many_requests',
    `this node pulls more than ${config.limits.node_state_bytes_per_second} bytes of states a second (limit node_state_bytes_per_second): wait, and name the revision that it has (If-None-Match)`,
    { retryAfterSeconds },
  )
}

/** Throws an ApiError (429) for a node that takes another key without pause: all its peers are told of each. */
export function limitRotations(
  { keyRotations, config }: Pick<App, 'keyRotations' | 'config'>,
  nodeId: string,
): void {
  const retryAfterSeconds = keyRotations.retryAfterSeconds(nodeId)
  if (retryAfterSeconds !== undefined)
    throw new ApiError(
      'too_many_requests',
      `this node rotates its key more than ${config.limits.key_rotations_per_minute} times a minute (limit key_rotations_per_minute): wait and send it again`,
      { retryAfterSeconds },
    )
  keyRotations.charge(nodeId, { records: 1, bytes: 0 })
}
