import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Below this size compression costs more than it saves. */
const gzipOverBytes = 8_192

const gzipAsync = promisify(gzip)

/**
 * Compresses large texts for clients that accept gzip, as Go nodes do. For others the text is encoded to bytes once here;
 * a string would be measured, flattened and encoded again later. Bytes and streams are sent unchanged (wire contract 1).
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

/** An answer that is the same for everyone: created and compressed on first use, then reused. */
export type Prepared = (request: FastifyRequest, reply: FastifyReply) => Buffer

export function prepare(type: string, make: () => string): Prepared {
  let plain: Buffer | undefined
  let packed: Buffer | undefined
  return (request, reply) => {
    plain ??= Buffer.from(make())
    reply.type(type).header('vary', 'accept-encoding')
    if (!acceptsGzip(request)) return plain
    reply.header('content-encoding', 'gzip')
    packed ??= gzipSync(plain)
    return packed
  }
}
