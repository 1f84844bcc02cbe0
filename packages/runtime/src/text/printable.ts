/**
 * Makes text safe for a terminal. Text from outside must neither control the terminal nor look like other text. Unsafe are
 * control and format characters, line and paragraph separators, lone surrogates, and other invisible characters.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** A single line, with `?` in place of each unsafe character. */
export function printable(text: string): string {
  return text.replace(unprintable, '?')
}

/** Multi-line text; line breaks and tabs are kept. */
export function printableLines(text: string): string {
  return text.replace(unprintable, (char) => (char === '\n' || char === '\t' ? char : '?'))
}

/** Equivalent JSON with unsafe characters escaped that JSON.stringify leaves as they are. Line breaks between values are kept. */
export function escapeJson(json: string): string {
  return json.replace(unprintable, (char) => (char === '\n' ? char : escapeUnits(char)))
}

function escapeUnits(char: string): string {
  return Array.from(
    { length: char.length },
    (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
}
