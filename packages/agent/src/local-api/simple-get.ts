/** A GET request without a body or unusual headers. */
export interface SimpleGet {
  target: string
  authorization: string | undefined
  ifNoneMatch: string | undefined
  /** The offset after the request. */
  end: number
}

const requestLine = /GET (\/[!-~]*) HTTP\/1\.1\r\n/y
const headerLine = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)\r\n/y

/** Headers that change how the message is parsed, or what happens to the connection. */
const unusual = new Set(['content-length', 'expect', 'transfer-encoding', 'upgrade'])

/**
 * Parses a complete request (bytes as Latin-1 text). Undefined for anything but a simple GET: that needs a real HTTP
 * parser.
 */
export function readSimpleGet(text: string, start: number): SimpleGet | undefined {
  requestLine.lastIndex = start
  const target = requestLine.exec(text)?.[1]
  if (target === undefined) return undefined
  const seen = new Map<string, string>()
  headerLine.lastIndex = requestLine.lastIndex
  let end = requestLine.lastIndex
  for (let line = headerLine.exec(text); line; line = headerLine.exec(text)) {
    const [, name = '', value = ''] = line
    const key = name.toLowerCase()
    if (unusual.has(key) || seen.has(key)) return undefined
    if (key === 'connection' && value.toLowerCase() !== 'keep-alive') return undefined
    seen.set(key, value.trimEnd())
    end = headerLine.lastIndex
  }
  // Invalid without Host: Node's parser refuses it.
  if (!text.startsWith('\r\n', end) || !seen.has('host')) return undefined
  return {
    target,
    authorization: seen.get('authorization'),
    ifNoneMatch: seen.get('if-none-match'),
    end: end + 2,
  }
}
