/** Makes an asciicast v2 file of the lines of chunks, whatever the node has put into them. */
export interface CastReader {
  /** Those of the lines that belong into such a file. */
  read(text: string): string
  /** A marker at the time that was reached. */
  marker(text: string): string
  /** The same as output, for people who watch. */
  closing(text: string): string
}

export function createCastReader(of: { session_id: string; startedAtMs: number }): CastReader {
  let hasHeader = false
  let time = 0

  /** The line, after a header of our own if it is the first and not one itself. */
  function take(line: string): string {
    const value = parse(line)
    const isFirst = !hasHeader
    if (isFirst && isHeader(value)) {
      hasHeader = true
      return `${line}\n`
    }
    if (!isEvent(value)) return ''
    time = Math.max(time, value[0])
    return `${begin()}${line}\n`
  }

  function begin(): string {
    if (hasHeader) return ''
    hasHeader = true
    const timestamp = Math.floor(of.startedAtMs / 1_000)
    const header = { version: 2, width: 80, height: 24, timestamp, title: of.session_id }
    return `${JSON.stringify(header)}\n`
  }

  const event = (code: string, text: string): string =>
    `${begin()}[${time.toFixed(6)},"${code}",${JSON.stringify(text)}]\n`

  return {
    read: (text) => text.split('\n').map(take).join(''),
    marker: (text) => event('m', text),
    closing: (text) => event('o', `\r\n\r\n[plexd: ${text}]\r\n`),
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isHeader(value: unknown): boolean {
  return typeof value === 'object' && Object(value).version === 2
}

function isEvent(value: unknown): value is [number, string, string] {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [time, code, text] = value
  return typeof time === 'number' && /^[oirm]$/.test(String(code)) && typeof text === 'string'
}
