import { createHash } from 'node:crypto'
import { ApiError, normalChecksum } from '@plexd/protocol'
import type { ReceiveOptions } from './store.ts'

interface Measured {
  /** The content, as it goes by. Throws an ApiError (413) beyond `maxBytes`. */
  pieces: AsyncIterable<Uint8Array>
  /** When all has gone by. Throws an ApiError (400) if that was nothing, or is not what was expected. */
  result(): { size: number; checksum: string }
}

export function measure(
  content: AsyncIterable<Uint8Array>,
  { maxBytes, expectedChecksum }: ReceiveOptions,
): Measured {
  const hash = createHash('sha256')
  let size = 0

  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      size += piece.length
      if (size > maxBytes)
        throw new ApiError('payload_too_large', `request body is larger than ${maxBytes} bytes`)
      hash.update(piece)
      yield piece
    }
  }

  return {
    pieces: pieces(),
    result() {
      const checksum = `sha256:${hash.digest('hex')}`
      if (size === 0) throw new ApiError('bad_request', 'the file is empty')
      if (expectedChecksum !== undefined && normalChecksum(expectedChecksum) !== checksum)
        throw new ApiError('bad_request', `checksum mismatch: received ${checksum}`)
      return { size, checksum }
    },
  }
}
