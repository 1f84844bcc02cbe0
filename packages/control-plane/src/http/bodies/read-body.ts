import { ApiError } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { bodyErrorOf, unpacked } from './content-encoding.ts'

/**
 * The decompressed body of a `bytes` request as a stream, for bodies too large for memory. Throws an
 * ApiError: 413 beyond the limit, 415 or 400 for an encoding that cannot be decoded.
 */
export async function* readBody(
  { raw }: FastifyRequest,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const source = unpacked(raw)
  let bytes = 0
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length // no encoding is set
      if (bytes > maxBytes)
        throw new ApiError('payload_too_large', `request body is larger than ${maxBytes} bytes`)
      yield chunk
    }
  } catch (error) {
    throw bodyErrorOf(error)
  } finally {
    if (source !== raw) source.destroy()
  }
}
