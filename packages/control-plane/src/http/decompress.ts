import { Transform, type TransformCallback } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ApiError } from '@plexd/protocol'
import type { FastifyRequest, RequestPayload } from 'fastify'

/**
 * Undoes `Content-Encoding: gzip` on any request, and holds the result to `maxBytes`: a small bomb must not become a
 * large buffer. 415 for another encoding, 400 for bytes that are no gzip, 413 past the limit.
 */
export function decompress(
  request: FastifyRequest,
  payload: RequestPayload,
  maxBytes: number,
): RequestPayload {
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (encoding === 'identity') return payload
  if (encoding !== 'gzip') {
    throw new ApiError(
      'unsupported_media_type',
      `content encoding "${encoding}" is not supported: use gzip or none`,
    )
  }
  delete request.headers['content-encoding']
  // The length that was announced is that of the packed body.
  delete request.headers['content-length']
  const capped = Object.assign(createCap(maxBytes), { receivedEncodedLength: 0 })
  const gunzip = createGunzip()
  payload.on('data', (chunk: Buffer) => {
    capped.receivedEncodedLength += chunk.length
  })
  payload.on('error', (error) => capped.destroy(error))
  gunzip.on('error', () => capped.destroy(new ApiError('bad_request', 'invalid gzip body')))
  capped.on('close', () => gunzip.destroy())
  return payload.pipe(gunzip).pipe(capped) as typeof capped
}

function createCap(maxBytes: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      bytes += chunk.length
      if (bytes > maxBytes)
        callback(new ApiError('payload_too_large', `request body is larger than ${maxBytes} bytes`))
      else callback(null, chunk)
    },
  })
}
