import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Below this, packing costs more than it saves. */
const gzipOverBytes = 8_192

const gzipAsync = promisify(gzip)

/**
 * Packs large texts for who asks for gzip, as Go nodes do; for others they are made into bytes, once, where as texts they
 * would be measured, flattened and encoded on their way. Bytes and streams go as they are (wire contract 1).
 */
export async function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (typeof payload !== 'string' || payload.length < gzipOverBytes) return payload
  reply.header('vary', 'accept-encoding')
  if (!acceptsGzip(request)) return Buffer.from(payload)
  reply.header('content-encoding', 'gzip').removeHeader('content-length')
  return gzipAsync(payload)
}

export function acceptsGzip({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const accepted = String(headers['accept-encoding'] ?? '').toLowerCase()
  return /(^|[\s,])gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)/.test(accepted)
}
