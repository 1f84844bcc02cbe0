/**
 * Text as PostgreSQL can hold it: SQLite takes U+0000 in a text, PostgreSQL refuses it, and nodes may send one in a key or in the output
 * of a program. U+0001 escapes both, and keeps their order: encoded texts sort as the texts do.
 */
const zero = '\0'
const mark = '\u0001'
const escapedZero = `${mark}${mark}`
const escapedMark = `${mark}\u0002`

export function encodeText(text: string): string {
  if (!text.includes(zero) && !text.includes(mark)) return text
  return text.replaceAll(mark, escapedMark).replaceAll(zero, escapedZero)
}

export function decodeText(stored: string): string {
  if (!stored.includes(mark)) return stored
  // Without a mark in front, `\u0002` is itself; a mark is never alone.
  return stored
    .split(escapedZero)
    .map((part) => part.replaceAll(escapedMark, mark))
    .join(zero)
}
