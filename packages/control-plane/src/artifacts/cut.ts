/** The same bytes in chunks of this size, and a last one that may be smaller; holds no more than one, and the piece that has come. */
export async function* cut(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(size)
  let filled = 0
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + size - filled)
      chunk.set(part, filled)
      at += part.length
      filled += part.length
      if (filled < size) continue
      yield chunk
      chunk = new Uint8Array(size)
      filled = 0
    }
  if (filled > 0) yield chunk.subarray(0, filled)
}
