import type { FastifyReply } from 'fastify'
import type { Environment, Waiters } from '../../app.ts'
import { openSse, type SseStream } from '../../http/sse.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'

/**
 * A stream of server-sent events that ends when the token of its operator is revoked, the control plane stops, or `isOver` says so. Throws
 * an ApiError, with nothing opened: 401 for a token that is revoked meanwhile, 429 past the limit of an operator.
 */
export function openOperatorStream(
  app: Waiters & Environment,
  { principal, reply }: { principal: OperatorRecord; reply: FastifyReply },
  isOver: () => boolean,
): SseStream {
  const ended = app.operatorEnds.signalOf(principal)
  ended.throwIfAborted()
  const place = app.tails.take(principal.id, app.config.limits.operator_tails)
  const stream = openSse(reply, app.clock.monotonic)
  const watch = setInterval(() => {
    if (app.notServing() === 'stopping' || isOver()) stream.end()
    else stream.keepAlive(maxStallMs)
  }, watchMs).unref()
  ended.addEventListener('abort', stream.end)
  stream.onClose(() => {
    ended.removeEventListener('abort', stream.end)
    clearInterval(watch)
    place[Symbol.dispose]()
  })
  return stream
}

const watchMs = 1_000
/** The reader may come again, with its position. */
const maxStallMs = 2 * 60_000
