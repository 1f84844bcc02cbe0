import { ApiError } from '@plexd/protocol'
import type { FastifyRequest } from 'fastify'
import { decompress } from './decompress.ts'

/**
 * The body of a `json-stream` or `bytes` request, unpacked, as the handler asks for it. Throws an ApiError: 413 past
 * the limit, 415 or 400 for an encoding that cannot be undone. What is not read by then is read and thrown away, so
 * that the connection can go on.
 */
export async function* readBody(
  request: FastifyRequest,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const { raw } = request
  try {
    let bytes = 0
    for await (const chunk of decompress(request, raw, maxBytes)) {
      bytes += chunk.length
      if (bytes > maxBytes)
        throw new ApiError('payload_too_large', `request body is larger than ${maxBytes} bytes`)
      yield chunk
    }
  } finally {
    raw.resume()
  }
}
