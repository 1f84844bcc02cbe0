import { createDecipheriv } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import {
  finalChunkFlag,
  maxRecordingTextBytes,
  recordingAad,
  recordingNonce,
  recordingTagBytes,
} from '@plexd/protocol'

export interface OpenedChunk {
  text: string
  final: boolean
}

/** The lines of a chunk; undefined if it was changed, or is not the one of this recording at this index. Pure. */
export function openChunk(
  key: Buffer,
  { session_id, index, bytes }: { session_id: string; index: number; bytes: Uint8Array },
): OpenedChunk | undefined {
  const [flags = 0] = bytes
  // Only this one is authenticated.
  if ((flags & ~finalChunkFlag) !== 0) return undefined
  const final = flags === finalChunkFlag
  const end = bytes.length - recordingTagBytes
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, recordingNonce(index), {
      authTagLength: recordingTagBytes,
    })
    decipher.setAAD(recordingAad({ session_id, index, final }))
    decipher.setAuthTag(bytes.subarray(end))
    const packed = Buffer.concat([decipher.update(bytes.subarray(1, end)), decipher.final()])
    const text = inflateRawSync(packed, { maxOutputLength: maxRecordingTextBytes }).toString()
    return { text, final }
  } catch {
    return undefined
  }
}
