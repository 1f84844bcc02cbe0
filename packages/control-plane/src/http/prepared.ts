import { gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { acceptsGzip } from './compress.ts'

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
