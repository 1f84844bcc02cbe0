/** Makes an asciicast v2 file of the lines of chunks, whatever the node has put into them. */
export interface CastReader {
  /**
   * Those of the lines that belong into such a file, in pieces that take some milliseconds each. Throws at a text of which too much does
   * not.
   */
  read(text: string): Generator<string>
  /** A marker at the time that was reached. */
  marker(text: string): string
  /** The same as output, for people who watch. */
  closing(text: string): string
}

/** What takes some milliseconds. */
const linesAtOnce = 1_000
/** Of one text. A node writes none; to find out that it is none takes longer than to read a line. */
const maxForeignLines = 100

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

  function* read(text: string): Generator<string> {
    let foreign = 0
    for (const lines of slicesOf(text)) {
      const taken = lines.map(take)
      foreign += taken.filter((line) => line === '').length
      if (foreign > maxForeignLines) throw new Error('these are no lines of a recording')
      yield taken.join('')
    }
  }

  const event = (code: string, text: string): string =>
    `${begin()}[${time.toFixed(6)},"${code}",${JSON.stringify(text)}]\n`

  return {
    read,
    marker: (text) => event('m', text),
    closing: (text) => event('o', `\r\n\r\n[plexd: ${text}]\r\n`),
  }
}

/** Its lines, some at a time: there may be millions. */
function* slicesOf(text: string): Generator<string[]> {
  for (let at = 0; at < text.length; ) {
    const lines: string[] = []
    while (lines.length < linesAtOnce && at < text.length) {
      const newline = text.indexOf('\n', at)
      const end = newline === -1 ? text.length : newline
      lines.push(text.slice(at, end))
      at = end + 1
    }
    yield lines
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
  // JSON may say 1e999, which is infinite.
  const isTime = Number.isFinite(time) && Number(time) >= 0
  return isTime && typeof code === 'string' && /^[oirm]$/.test(code) && typeof text === 'string'
}
