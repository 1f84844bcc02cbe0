/**
 * A recording is an asciicast v2 file in chunks. A chunk is some of its lines, packed (raw DEFLATE, RFC 1951) and encrypted with AES-256-GCM under the key
 * of this one recording. On the wire it is a byte of flags, the ciphertext, and the tag of 16 bytes.
 */

/** The flag of the last chunk of a recording that was ended in order. */
export const finalChunkFlag = 1

export const recordingTagBytes = 16

/** Of a chunk on the wire. */
export const maxRecordingChunkBytes = 1024 * 1024

/** Of the lines of a chunk; what is packed may be made to unpack to gigabytes. */
export const maxRecordingTextBytes = 4 * 1024 * 1024

/** The media type of asciicast (https://docs.asciinema.org/manual/asciicast/v2/). */
export const asciicastType = 'application/x-asciicast'

/** The nonce of a chunk is its index, because a key is used for one recording and an index once: eight zero bytes, and the index (big endian). */
export function recordingNonce(index: number): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, index)
  return nonce
}

/** What is authenticated beside the content, so that no chunk passes for another, nor another for the last one. */
export function recordingAad(chunk: {
  session_id: string
  index: number
  final: boolean
}): Uint8Array {
  return new TextEncoder().encode(`${chunk.session_id}:${chunk.index}:${chunk.final ? 1 : 0}`)
}
