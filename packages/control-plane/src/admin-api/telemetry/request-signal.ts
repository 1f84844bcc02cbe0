import type { FastifyReply } from 'fastify'
import type { Waiters } from '../../app.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'

/** Aborts when nobody waits for the answer any more, or the token of who does is revoked. */
export function signalOf(
  { operatorEnds }: Waiters,
  operator: OperatorRecord,
  reply: FastifyReply,
): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, operatorEnds.signalOf(operator)])
}
