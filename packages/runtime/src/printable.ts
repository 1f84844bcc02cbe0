/**
 * What reaches a terminal. Text from elsewhere must neither drive the terminal nor look like other text: control and
 * format characters, line and paragraph separators, lone surrogates, and whatever else a font shows nothing for.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** One line, with a `?` for each character that is not to be seen. */
export function printable(text: string): string {
  return text.replace(unprintable, '?')
}

/** Text of several lines, which it keeps, and its tabs. */
export function printableLines(text: string): string {
  return text.replace(unprintable, (char) => (char === '\n' || char === '\t' ? char : '?'))
}

/** JSON that means the same, with the escapes that JSON.stringify saves. Line breaks between its parts are kept. */
export function escapeJson(json: string): string {
  return json.replace(unprintable, (char) => (char === '\n' ? char : escapeUnits(char)))
}

function escapeUnits(char: string): string {
  return Array.from(
    { length: char.length },
    (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
}
