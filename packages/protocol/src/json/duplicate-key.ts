import { brace, colon, endBrace, quote } from './json-codes.ts'
import { endOfString, endOfValue, skipSpace } from './raw-json.ts'

/**
 * The first key that occurs twice in one object of a JSON text, or undefined. Parsers keep the first value, the last
 * or both, so two of them may read different documents. The values of members named in `opaque` are skipped.
 * The text must be valid JSON within bounds: call it after the gate and the parser.
 */
export function duplicateKey(
  text: string,
  opaque: ReadonlySet<string> = new Set(),
): string | undefined {
  /** The keys of each open object. Arrays need no entry, because they have no keys. */
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

/** Escapes allow several spellings of the same key. */
function keyOf(raw: string): string {
  return raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw
}
