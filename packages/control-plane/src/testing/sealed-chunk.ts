import { createCipheriv } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { recordingAad, recordingNonce } from '@plexd/protocol'

/** A chunk as a node makes it. */
export function aSealedChunk(
  key: string,
  chunk: { session_id: string; index: number; final?: boolean; text: string },
): Buffer {
  const { session_id, index, final = false, text } = chunk
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'base64'), recordingNonce(index))
  cipher.setAAD(recordingAad({ session_id, index, final }))
  const sealed = [cipher.update(deflateRawSync(text)), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([Buffer.of(Number(final)), ...sealed])
}
