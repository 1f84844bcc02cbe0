import {
  backslash,
  brace,
  bracket,
  colon,
  comma,
  endBrace,
  endBracket,
  quote,
  space,
} from './json-codes.ts'

/**
 * JSON as text. A signature covers the payload byte for byte, and parsing would change it: integer-like keys are
 * reordered, `1.50e2` and big integers are rewritten, duplicate keys vanish.
 */

/** Key -> the raw text of its value, for the top level of one JSON object; a repeated key keeps the last, as JSON.parse does. */
export function rawMembers(text: string): Map<string, string> {
  JSON.parse(text) // throws a SyntaxError for invalid JSON, so the scan below can rely on valid input
  const parts = cutObject(text, { lists: 'whole' }).filter((part) => part !== undefined)
  return new Map(parts.map((part) => [part.name, part.text]))
}

/** The raw text of each element of a JSON array; throws a SyntaxError for anything else. */
export function rawElements(text: string): string[] {
  JSON.parse(text) // as above
  const start = skipSpace(text, 0)
  if (text[start] !== '[') throw new SyntaxError('read JSON array: the text is not an array')
  const parts = cutList(text, start, '').filter((part) => part !== undefined)
  return Array.from(parts, (part) => part.text)
}

/** A member of an object, or one element of a member that is a list, as raw text. */
export interface RawPart {
  name: string
  text: string
  inList: boolean
}

/**
 * Yields the members of a JSON object one by one, lists element by element, without building values. It checks the
 * text between the parts; the caller parses the parts. An empty list is one part. Inside a long part
 * it yields undefined, so that the caller can yield to other work. Throws a SyntaxError if the text is not an
 * object, and for a repeated name.
 */
export function* rawParts(text: string): Generator<RawPart | undefined> {
  const ended = new Set<string>()
  let current: string | undefined
  for (const part of cutObject(text, { lists: 'by element' })) {
    if (part && (part.name !== current || !part.inList)) {
      if (ended.has(part.name))
        throw new SyntaxError(`read JSON object: "${part.name}" stands there twice`)
      ended.add(part.name)
      current = part.name
    }
    yield part
  }
}

function* cutObject(
  text: string,
  { lists }: { lists: 'whole' | 'by element' },
): Generator<RawPart | undefined, void> {
  let at = skipSpace(text, expect(text, skipSpace(text, 0), '{'))
  for (let isFirst = true; !isFirst || text[at] !== '}'; isFirst = false) {
    const nameEnd = endOfValue(text, at)
    const name = String(JSON.parse(text.slice(at, nameEnd)))
    const start = skipSpace(text, expect(text, skipSpace(text, nameEnd), ':'))
    const isFull = text[start] === '[' && text[skipSpace(text, start + 1)] !== ']'
    if (isFull && lists === 'by element') at = yield* cutList(text, start, name)
    else {
      at = yield* endInSlices(text, start)
      yield { name, text: text.slice(start, at), inList: false }
    }
    at = skipSpace(text, at)
    if (text[at] === '}') break
    at = skipSpace(text, expect(text, at, ','))
  }
  expect(text, skipSpace(text, at + 1), undefined)
}

/** Yields each element of the list that starts there; returns where the list ends. */
function* cutList(
  text: string,
  start: number,
  name: string,
): Generator<RawPart | undefined, number> {
  let at = skipSpace(text, start + 1)
  if (text[at] === ']') return at + 1
  for (;;) {
    const end = yield* endInSlices(text, at)
    yield { name, text: text.slice(at, end), inList: true }
    at = skipSpace(text, end)
    if (text[at] === ']') return at + 1
    at = skipSpace(text, expect(text, at, ','))
  }
}

const sliceChars = 128 * 1024

function* endInSlices(text: string, start: number): Generator<undefined, number> {
  const scan = { start, at: start, depth: 0 }
  while (!scanValue(text, scan, scan.at + sliceChars)) yield undefined
  return scan.at
}

/** The index after the character, or the end of the text for undefined. */
function expect(text: string, at: number, char: string | undefined): number {
  if (text[at] !== char) throw new SyntaxError(`read JSON: it does not go on at ${at}`)
  return at + 1
}

/** Removes white space outside strings and escapes `<`, `>`, `&`, U+2028 and U+2029 everywhere, as Go's encoder does. */
export function compactJson(text: string): string {
  // Output of JSON.stringify often has none of these, and the rules of a large mesh are long.
  if (!/[ \n\r\t]/.test(text)) return escapeHtml(text)
  const kept: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at) - 1
    else if (code <= space) {
      if (at > start) kept.push(text.slice(start, at))
      start = at + 1
    }
  }
  kept.push(text.slice(start))
  return escapeHtml(kept.join(''))
}

export function escapeHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** These three require valid JSON, and return where something in it ends. */
export function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \n\r\t'.includes(text[at] as string)) at++ // in range by the loop's own test
  return at
}

export function endOfValue(text: string, start: number): number {
  const scan = { start, at: start, depth: 0 }
  scanValue(text, scan, text.length)
  return scan.at
}

/** Searches for the end of a value up to a limit; returns whether the value or the text ends at `scan.at`. */
function scanValue(
  text: string,
  scan: { readonly start: number; at: number; depth: number },
  upTo: number,
): boolean {
  let { at, depth } = scan
  const endsAt = (end: number): true => {
    scan.at = end
    return true
  }
  for (; at < upTo; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = endOfString(text, at) - 1
      if (depth === 0) return endsAt(at + 1)
    } else if (code === brace || code === bracket) {
      depth++
    } else if (code === endBrace || code === endBracket) {
      if (depth === 0) return endsAt(at)
      depth--
      if (depth === 0) return endsAt(at + 1)
    } else if (
      depth === 0 &&
      at > scan.start &&
      (code <= space || code === comma || code === colon)
    ) {
      return endsAt(at)
    }
  }
  scan.at = Math.min(at, text.length)
  scan.depth = depth
  return at >= text.length
}

/** The index after the closing quote, which is not preceded by an odd number of backslashes. */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at
    while (before - 1 > start && text.charCodeAt(before - 1) === backslash) before--
    if ((at - before) % 2 === 0) return at + 1
  }
  return text.length
}
