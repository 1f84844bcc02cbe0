/**
 * JSON as text. A signature covers the payload byte for byte, and parsing loses bytes: integer-like keys are
 * reordered, `1.50e2` and big integers are rewritten, duplicate keys vanish.
 */

/** Key -> the raw text of its value, for the top level of one JSON object; a repeated key keeps the last, as JSON.parse does. */
export function rawMembers(text: string): Map<string, string> {
  JSON.parse(text) // throws a SyntaxError on anything but JSON, so that the scan below may trust its input
  const members = new Map<string, string>()
  let at = skipSpace(text, 0)
  if (text[at] !== '{') throw new SyntaxError('read JSON object: the text is not an object')
  at = skipSpace(text, at + 1)
  while (text[at] !== '}') {
    const keyEnd = endOfValue(text, at)
    const key = JSON.parse(text.slice(at, keyEnd)) as string // an object's key is a string
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    members.set(key, text.slice(start, end))
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return members
}

/** The raw text of each element of a JSON array; throws a SyntaxError for anything else. */
export function rawElements(text: string): string[] {
  JSON.parse(text) // as above
  const elements: string[] = []
  let at = skipSpace(text, 0)
  if (text[at] !== '[') throw new SyntaxError('read JSON array: the text is not an array')
  at = skipSpace(text, at + 1)
  while (text[at] !== ']') {
    const end = endOfValue(text, at)
    elements.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return elements
}

/** White space outside strings removed; `<`, `>`, `&`, U+2028 and U+2029 escaped wherever they stand, as Go's encoder does. */
export function compactJson(text: string): string {
  // What comes from JSON.stringify often has none, and the rules of a large mesh are long.
  if (!/\s/.test(text)) return escapeHtml(text)
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"]+/gsu) ?? []
  return escapeHtml(tokens.join(''))
}

export function escapeHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** These three take text that is known to be JSON, and answer where in it something ends. */
export function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \n\r\t'.includes(text[at] as string)) at++ // in range by the loop's own test
  return at
}

export function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '"') {
      at = endOfString(text, at) - 1
      if (depth === 0) return at + 1
    } else if (char === '{' || char === '[') {
      depth++
    } else if (char === '}' || char === ']') {
      if (depth === 0) return at
      depth--
      if (depth === 0) return at + 1
    } else if (depth === 0 && at > start && ', \n\r\t:'.includes(char as string)) {
      return at
    }
  }
  return text.length
}

export function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}
