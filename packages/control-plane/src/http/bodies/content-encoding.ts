import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ApiError } from '@plexd/protocol'
import { errorCodeOf } from '@plexd/runtime'

/** The content encoding of a body. Throws an ApiError (415) for an unsupported one. */
export function encodingOf({ headers }: Pick<IncomingMessage, 'headers'>): 'identity' | 'gzip' {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return 'identity'
  // x-gzip is equivalent to gzip (RFC 9110, section 8.4.1.3).
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip'
  throw new ApiError(
    'unsupported_media_type',
    `content encoding "${encoding.slice(0, 64)}" is not supported: use gzip or none`,
  )
}

/** The decompressed body. Destroying it stops decompression but not the connection, unless the body is not compressed. */
export function unpacked(raw: IncomingMessage): Readable {
  if (encodingOf(raw) === 'identity') return raw
  const gunzip = createGunzip({ chunkSize: 64 * 1024 })
  gunzip.once('close', () => raw.unpipe(gunzip))
  raw.once('close', () => {
    if (!raw.complete) gunzip.destroy(cutOff())
  })
  return raw.pipe(gunzip)
}

/** The error for a body that cannot be read completely. */
export function bodyErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (errorCodeOf(error)?.startsWith('Z_')) return new ApiError('bad_request', 'invalid gzip body')
  return cutOff(error)
}

function cutOff(cause?: unknown): ApiError {
  return new ApiError('bad_request', 'the request body was cut off', { cause })
}
