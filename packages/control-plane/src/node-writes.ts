import { ApiError, type Operation } from '@plexd/protocol'
import type { App } from './app.ts'

/** A node may always say that it lives, and that it leaves; batches are limited by what is in them. */
const exempt = /\/(heartbeat|deregister)$/

/**
 * Counts what a node writes, before its body is read. Throws an ApiError (429) past `node_writes_per_second`: one node
 * that reports without pause must not keep the disk from the others.
 */
export function limitWrites(
  { nodeWrites, config }: Pick<App, 'nodeWrites' | 'config'>,
  { method, path, requestKind }: Operation,
  call: { nodeId: string; bytes: number },
): void {
  if (method === 'GET' || requestKind === 'batch' || exempt.test(path)) return
  const retryAfterSeconds = nodeWrites.retryAfterSeconds(call.nodeId)
  if (retryAfterSeconds !== undefined)
    throw new ApiError(
      'too_many_requests',
      `this node writes more than ${config.limits.node_writes_per_second} times a second (limit node_writes_per_second): wait and send it again`,
      { retryAfterSeconds },
    )
  nodeWrites.charge(call.nodeId, { records: 1, bytes: call.bytes })
}
