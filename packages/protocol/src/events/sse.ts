import { backslash, comma, quote } from '../json/json-codes.ts'

/** Server-sent events in the format that the control plane writes. */

/** No line may reach 65,536 bytes, the scanner limit of Go nodes; this leaves room. */
export const maxLineBytes = 60_000

/** A comment line: keeps a connection alive and is not passed to handlers. */
export function formatComment(text: string): string {
  return `: ${text}\n\n`
}

/**
 * One event block; without an `id` the reader's cursor stays. JSON text longer than a line is split after
 * commas outside strings: the reader joins the lines with `\n`, which JSON allows there. Throws a
 * RangeError if a piece without a comma is too long (one huge string).
 */
export function formatEvent({
  id,
  event,
  data,
}: {
  id?: string
  event: string
  data: string
}): string {
  const lines = splitJson(data).map((line) => `data: ${line}\n`)
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\n${lines.join('')}\n`
}

/** Splits into lines of maximum length. Works on bytes, because the policy of ten thousand nodes is a hundred kilobytes, and is sent often. */
function splitJson(text: string): string[] {
  const room = maxLineBytes - 'data: '.length
  const bytes = new TextEncoder().encode(text)
  if (bytes.length <= room) return [text]
  const lines: string[] = []
  let start = 0
  /** The index after the last comma seen. */
  let cut = 0
  const upTo = (end: number): void => {
    if (end - start > room) {
      lines.push(new TextDecoder().decode(bytes.subarray(start, cut)))
      start = cut
    }
    if (end - start > room)
      throw new RangeError(`format event: ${end - start} bytes without a comma to split a line at`)
    cut = end
  }
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) inString = !inString
    else if (byte === backslash) at++
    else if (byte === comma && !inString) upTo(at + 1)
  }
  upTo(bytes.length)
  return [...lines, new TextDecoder().decode(bytes.subarray(start))]
}
