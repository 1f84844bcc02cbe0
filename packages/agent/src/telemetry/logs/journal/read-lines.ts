const newline = 0x0a

/**
 * The lines of a stream, those of one chunk together, with the bytes that were read for them. Of a line that is longer than
 * `maxBytes` only the beginning is kept. The rest of the stream without a newline is no line.
 */
export async function* readLines(
  stream: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<{ lines: string[]; bytes: number }> {
  let begun: Buffer[] = []
  let begunBytes = 0

  function keep(part: Buffer): void {
    const kept = part.subarray(0, maxBytes - begunBytes)
    if (kept.length > 0) begun.push(kept)
    begunBytes += kept.length
  }

  for await (const chunk of stream) {
    const lines: string[] = []
    let at = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, at)) {
      keep(chunk.subarray(at, end))
      lines.push(Buffer.concat(begun).toString('utf8'))
      begun = []
      begunBytes = 0
      at = end + 1
    }
    keep(chunk.subarray(at))
    yield { lines, bytes: chunk.length }
  }
}
