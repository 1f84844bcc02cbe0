/** Server-sent events, as the control plane writes them. */

/** No line may reach 65,536 bytes, the scanner limit of Go nodes; this leaves room. */
export const maxLineBytes = 60_000

/** A comment line: keeps a connection alive, reaches no handler. */
export function formatComment(text: string): string {
  return `: ${text}\n\n`
}

/**
 * One block; without an `id` it leaves the reader's cursor where it is. JSON text longer than a line is split behind commas that stand outside strings: the reader joins the
 * lines with `\n`, which JSON allows there. Throws a RangeError when no comma is near enough (one huge string).
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

function splitJson(text: string): string[] {
  const room = maxLineBytes - 'data: '.length
  if (byteLength(text) <= room) return [text]
  const lines: string[] = []
  let line = ''
  let lineBytes = 0
  for (const segment of segmentsBehindCommas(text)) {
    const bytes = byteLength(segment)
    if (bytes > room)
      throw new RangeError(`format event: ${bytes} bytes without a comma to split a line at`)
    if (lineBytes + bytes > room) {
      lines.push(line)
      line = ''
      lineBytes = 0
    }
    line += segment
    lineBytes += bytes
  }
  return [...lines, line]
}

function segmentsBehindCommas(json: string): string[] {
  return json.match(/(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^",]+)*,?/gsu) ?? []
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
