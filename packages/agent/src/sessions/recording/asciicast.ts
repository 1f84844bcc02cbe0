/** The lines of an asciicast v2 file (https://docs.asciinema.org/manual/asciicast/v2/), each with its newline. Pure. */

/** `o`: what the client is shown, `i`: what it types, `r`: the size of its terminal, `m`: a marker. */
export type EventCode = 'o' | 'i' | 'r' | 'm'

export interface CastHeader {
  width: number
  height: number
  /** Milliseconds since 1970. */
  startedAtMs: number
  title: string
}

export function headerLine({ width, height, startedAtMs, title }: CastHeader): string {
  const timestamp = Math.floor(startedAtMs / 1_000)
  return `${JSON.stringify({ version: 2, width, height, timestamp, title })}\n`
}

/** `atMs` counts from the start of the recording; the format has seconds. */
export function eventLine(atMs: number, code: EventCode, text: string): string {
  return `[${(Math.max(0, atMs) / 1_000).toFixed(6)},"${code}",${JSON.stringify(text)}]\n`
}
