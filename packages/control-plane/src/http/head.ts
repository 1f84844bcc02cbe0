import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify'

/** Answers HEAD: drops the content that GET would send, but keeps its length. */
export function withoutBody(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: DoneFuncWithErrOrRes,
): void {
  if (request.method !== 'HEAD') {
    done(null, payload)
    return
  }
  if (isStream(payload)) payload.destroy()
  else if (typeof payload === 'string' || Buffer.isBuffer(payload))
    reply.header('content-length', Buffer.byteLength(payload))
  // Fastify takes undefined for "as it was", which is a stream that is destroyed.
  done(null, null)
}

function isStream(payload: unknown): payload is { destroy(): void } {
  return typeof payload === 'object' && payload !== null && 'destroy' in payload
}
