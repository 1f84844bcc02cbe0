import { gzip, gzipSync } from 'node:zlib'
import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify'

/** Below this size compression costs more than it saves. */
const gzipOverBytes = 8_192

/**
 * Compresses large JSON for clients that accept gzip, as Go nodes do. For others a text is encoded to bytes once here;
 * a string would be measured, flattened and encoded again later. Other bytes and streams are sent unchanged (wire contract 1).
 */
export function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: DoneFuncWithErrOrRes,
): void {
  if (!isText(payload, reply) || payload.length < gzipOverBytes) {
    done(null, payload)
    return
  }
  reply.header('vary', 'accept-encoding')
  if (acceptsGzip(request)) {
    reply.header('content-encoding', 'gzip').removeHeader('content-length')
    gzip(payload, done)
  } else done(null, typeof payload === 'string' ? Buffer.from(payload) : payload)
}

/** JSON may be encoded already. */
function isText(payload: unknown, reply: FastifyReply): payload is string | Buffer {
  if (typeof payload === 'string') return true
  if (!Buffer.isBuffer(payload) || reply.hasHeader('content-encoding')) return false
  return String(reply.getHeader('content-type')).startsWith('application/json')
}

function acceptsGzip({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
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
