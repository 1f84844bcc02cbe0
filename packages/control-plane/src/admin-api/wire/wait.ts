import type { FastifyReply } from 'fastify'
import type { Environment, Waiters } from '../../app.ts'
import type { ChangeWatch } from '../../log/watch.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { readDuration } from './durations.ts'

/**
 * Reads something once and, with a duration in `wait`, again at each change until it is done or the time is over. Throws an
 * ApiError: 400 for no duration, 401 when the token of the operator is revoked meanwhile.
 */
export async function readWhenDone<T>(
  app: Waiters & Environment,
  { principal, query, reply }: Waiting,
  { id, watch, read, isDone }: Awaited<T>,
): Promise<T> {
  const waitMs =
    query.wait === undefined
      ? 0
      : readDuration(query.wait, { field: 'wait', min: '0s', max: '60s' })
  const endMs = app.clock.monotonic() + waitMs
  const ended = app.operatorEnds.signalOf(principal)
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  for (;;) {
    const leftMs = endMs - app.clock.monotonic()
    // Subscribe before reading, so that no change is missed in between.
    const stop = new AbortController()
    const either = AbortSignal.any([gone.signal, ended, stop.signal])
    const changed = leftMs > 0 ? watch.next(id, leftMs, either) : undefined
    try {
      ended.throwIfAborted()
      const value = await read()
      const isOver = isDone(value) || gone.signal.aborted || app.notServing() === 'stopping'
      if (!changed || isOver) return value
      await changed
    } finally {
      stop.abort()
    }
  }
}

/** Who waits, and for how long. */
interface Waiting {
  principal: OperatorRecord
  query: { wait?: string }
  reply: FastifyReply
}

/** What is waited for. */
interface Awaited<T> {
  id: string
  watch: ChangeWatch
  read: () => Promise<T>
  isDone: (value: T) => boolean
}
