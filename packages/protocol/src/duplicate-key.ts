import { brace, colon, endBrace, quote } from './json-codes.ts'
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
  /** Keys of the objects that are open; lists lie between them unseen, for no key stands in a list itself. */
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === brace) open.push(new Set())
    else if (code === endBrace) open.pop()
    else if (code === quote) {
      const end = endOfString(text, at)
      const behind = skipSpace(text, end)
      const raw = text.slice(at + 1, end - 1)
      at = end - 1
      if (text.charCodeAt(behind) !== colon) continue
      const key = keyOf(raw)
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
      if (opaque.has(key)) at = endOfValue(text, skipSpace(text, behind + 1)) - 1
    }
  }
  return undefined
}

/** One key may be written in many ways. */
function keyOf(raw: string): string {
  return raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw
}
