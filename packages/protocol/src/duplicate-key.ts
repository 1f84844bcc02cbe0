import { endOfString, endOfValue, skipSpace } from './raw-json.ts'

/**
 * A key that stands twice in one object of a JSON text; undefined when there is none. Parsers take the first, the last
 * or both: what two of them read is not the same. Members named in `opaque` are passed over with all that is in them.
 * The text must be JSON, and within bounds: it goes behind the gate and the parser.
 */
export function duplicateKey(
  text: string,
  opaque: ReadonlySet<string> = new Set(),
): string | undefined {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') open.push(new Set())
    else if (char === '}' || char === ']') open.pop()
    else if (char === '"') {
      const end = endOfString(text, at)
      const colon = skipSpace(text, end)
      const isKey = text[colon] === ':'
      const key = isKey ? keyOf(text.slice(at + 1, end - 1)) : ''
      at = end - 1
      if (!isKey) continue
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
      if (opaque.has(key)) at = endOfValue(text, skipSpace(text, colon + 1)) - 1
    }
  }
  return undefined
}

/** One key may be written in many ways. */
function keyOf(raw: string): string {
  return raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw
}
