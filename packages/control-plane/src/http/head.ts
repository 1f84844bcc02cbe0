import type { FastifyReply, FastifyRequest } from 'fastify'

/** Answers HEAD: drops the content that GET would send, but keeps its length. */
export async function withoutBody(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (request.method !== 'HEAD') return payload
  if (isStream(payload)) payload.destroy()
  else if (typeof payload === 'string' || Buffer.isBuffer(payload))
    reply.header('content-length', Buffer.byteLength(payload))
  return undefined
}

function isStream(payload: unknown): payload is { destroy(): void } {
  return typeof payload === 'object' && payload !== null && 'destroy' in payload
}
