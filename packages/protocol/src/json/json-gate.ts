import {
  backslash,
  brace,
  bracket,
  comma,
  endBrace,
  endBracket,
  newline,
  quote,
  space,
} from './json-codes.ts'

/**
 * The scan before every JSON parser. It bounds what a parser, a validator and any code that walks the value can cost.
 * It does not check the grammar: whether it is valid JSON is for the parser to say.
 */
export interface JsonBounds {
  /** Of the UTF-8 text, after decompression. */
  maxBytes: number
  /** How deep arrays and objects may be nested. */
  maxDepth: number
  /** Scalars, arrays and objects; keys do not count. */
  maxValues: number
  /** Whether the text may be one value per line instead of an array; depth is then counted per line. */
  lines?: boolean
}

/** The bound that was exceeded. */
export type Bound = 'bytes' | 'depth' | 'values'

/** The bound that a complete text exceeds; undefined if none. */
export function passedBound(text: Uint8Array | string, bounds: JsonBounds): Bound | undefined {
  const gate = new JsonGate(bounds)
  if (typeof text !== 'string') return gate.take(text)
  const encoder = new TextEncoder()
  const piece = new Uint8Array(Math.min(text.length, pieceChars) * 3) // one UTF-16 unit is at most three bytes of UTF-8
  for (let at = 0; at < text.length; ) {
    const { read, written } = encoder.encodeInto(text.slice(at, at + pieceChars), piece)
    at += read
    const passed = gate.take(piece.subarray(0, written))
    if (passed) return passed
  }
  return undefined
}

const pieceChars = 16 * 1024

/**
 * The scan for a body that arrives in chunks: nothing beyond a bound has to be decompressed or kept. Linear time,
 * constant memory.
 */
export class JsonGate {
  readonly #bounds: JsonBounds
  #bytes = 0
  #depth = 0
  #values = 1
  #inString = false
  #escaped = false
  /** Undefined until the first non-space byte. */
  #isLines: boolean | undefined

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds
    if (!bounds.lines) this.#isLines = false
  }

  /** The bound exceeded with this chunk; after that, feed no more. */
  take(chunk: Uint8Array): Bound | undefined {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bounds.maxBytes) return 'bytes'
    this.#isLines ??= startsLines(chunk)
    return this.#scan(chunk)
  }

  // One loop over local variables: every byte that anybody sends goes through it.
  #scan(chunk: Uint8Array): Bound | undefined {
    const { maxDepth, maxValues } = this.#bounds
    const isLines = this.#isLines === true
    const { length } = chunk
    let depth = this.#depth
    let values = this.#values
    let inString = this.#inString
    let at = this.#escaped && !(isLines && chunk[0] === newline) ? 1 : 0
    while (at < length) {
      const byte = chunk[at++] as number // in range by the loop's own test
      if (byte === newline && isLines) {
        // A line break cannot be inside a string, whatever came before.
        inString = false
        depth = 0
        values++
      } else if (inString) {
        if (byte === quote) inString = false
        else if (byte === backslash && !(isLines && chunk[at] === newline)) at++
      } else if (byte === quote) {
        inString = true
      } else if (byte === comma) {
        values++
      } else if (byte === brace || byte === bracket) {
        values++
        depth++
        if (depth > maxDepth) return 'depth'
      } else if (byte === endBrace || byte === endBracket) {
        depth--
      }
    }
    if (values > maxValues) return 'values'
    this.#depth = depth
    this.#values = values
    this.#inString = inString
    this.#escaped = at > length
    return undefined
  }
}

/** Whether the text is one value per line rather than an array; undefined while there is only white space. */
function startsLines(chunk: Uint8Array): boolean | undefined {
  const first = chunk.find((byte) => byte > space && !isByteOrderMark(byte))
  return first === undefined ? undefined : first !== bracket
}

function isByteOrderMark(byte: number): boolean {
  return byte === 0xef || byte === 0xbb || byte === 0xbf
}
