import { createCipheriv } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { finalChunkFlag, recordingAad, recordingNonce, recordingTagBytes } from '@plexd/protocol'

/** A part of a recording, as it is stored and sent. */
export interface RecordingChunk {
  index: number
  /** The recording has ended in order. */
  final: boolean
  bytes: Buffer
}

export interface ChunkOf {
  session_id: string
  index: number
  final: boolean
}

/** Packs and encrypts lines: see recording.ts of the protocol. Must be called once at most for each index of a key. Pure. */
export function sealChunk(key: Buffer, chunk: ChunkOf, lines: string): RecordingChunk {
  const { index, final } = chunk
  const cipher = createCipheriv('aes-256-gcm', key, recordingNonce(index), {
    authTagLength: recordingTagBytes,
  })
  cipher.setAAD(recordingAad(chunk))
  const flags = Buffer.of(final ? finalChunkFlag : 0)
  const body = [cipher.update(deflateRawSync(lines)), cipher.final(), cipher.getAuthTag()]
  return { index, final, bytes: Buffer.concat([flags, ...body]) }
}
