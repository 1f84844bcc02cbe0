/**
 * The bytes that a part of a URL stands for, as curl reads it: a percent sign that begins no escape is meant. Of a part as
 * `URL` gives it, which has escapes for all that is not ASCII. `decodeURIComponent` would throw "URI malformed".
 */
export function percentDecoded(text: string): Buffer {
  const decoded = text.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(decoded, 'latin1')
}
