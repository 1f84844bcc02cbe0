import { ApiError } from './errors.ts'
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
import { defaultMaxBodyBytes, type Operation } from './operation.ts'

/**
 * The scan in front of every JSON parser: what passes costs a parser, a validator and whoever walks the value no more
 * than the bounds say. It knows no grammar. Whether it is JSON at all is for the parser to say.
 */
export interface JsonBounds {
  /** As UTF-8, unpacked. */
  maxBytes: number
  /** Arrays and objects inside each other. */
  maxDepth: number
  /** Scalars, arrays and objects; keys do not count. */
  maxValues: number
  /** The text may be one value a line instead of an array: each line is nested by itself. */
  lines?: boolean
}

/** Which bound was passed. */
export type Bound = 'bytes' | 'depth' | 'values'

export const defaultMaxDepth = 64
export const defaultMaxValues = 200_000

/** The bounds that the row of an operation sets for its body. */
export function jsonBoundsOf({
  maxBodyBytes = defaultMaxBodyBytes,
  maxDepth = defaultMaxDepth,
  maxValues = defaultMaxValues,
  requestKind,
}: Operation): JsonBounds {
  return { maxBytes: maxBodyBytes, maxDepth, maxValues, lines: requestKind === 'batch' }
}

/** Which bound a whole text passes; undefined when none. */
export function passedBound(text: Uint8Array | string, bounds: JsonBounds): Bound | undefined {
  const gate = new JsonGate(bounds)
  if (typeof text !== 'string') return gate.take(text)
  const encoder = new TextEncoder()
  const piece = new Uint8Array(Math.min(text.length, pieceChars) * 3) // a UTF-16 unit is three bytes of UTF-8 at most
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
 * The refusal of a body, with the status of its row: it says the bound and its number, and what the body is for, where
 * `about` names that: `key "nginx.conf"`.
 */
export function boundRefusal(operation: Operation, passed: Bound, about?: string): ApiError {
  const { maxBytes, maxDepth, maxValues } = jsonBoundsOf(operation)
  const words = {
    bytes: `request body is larger than ${maxBytes} bytes: send less at a time`,
    depth: `request body is nested deeper than ${maxDepth}: make it flatter`,
    values: `request body has more than ${maxValues} values: send it in parts`,
  }
  const status = operation.gateStatus ?? (passed === 'bytes' ? 413 : 400)
  return new ApiError(
    status === 413 ? 'payload_too_large' : 'bad_request',
    `${about === undefined ? '' : `${about}: `}${words[passed]}`,
  )
}

/**
 * The scan, for what comes in chunks: no chunk behind a bound need ever be unpacked or kept. Time is linear, memory
 * constant.
 */
export class JsonGate {
  readonly #bounds: JsonBounds
  #bytes = 0
  #depth = 0
  #values = 1
  #inString = false
  #escaped = false
  /** Undefined until the first byte that is no space. */
  #isLines: boolean | undefined

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds
    if (!bounds.lines) this.#isLines = false
  }

  /** Which bound the text passes with this chunk; no more is to be given then. */
  take(chunk: Uint8Array): Bound | undefined {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bounds.maxBytes) return 'bytes'
    this.#isLines ??= startsLines(chunk)
    return this.#scan(chunk)
  }

  // One loop over local variables: this runs over everything that anybody sends.
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
        // No string has a line break in it, whatever came before.
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

/** Whether the text is one value a line rather than an array; undefined while there is nothing but space. */
function startsLines(chunk: Uint8Array): boolean | undefined {
  const first = chunk.find((byte) => byte > space && !isByteOrderMark(byte))
  return first === undefined ? undefined : first !== bracket
}

function isByteOrderMark(byte: number): boolean {
  return byte === 0xef || byte === 0xbb || byte === 0xbf
}
