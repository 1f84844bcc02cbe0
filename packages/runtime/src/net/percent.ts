/**
 * Decodes the bytes of a URL part as curl does: a percent sign that does not start an escape is literal. Expects a part
 * from `URL`, in which everything outside ASCII is escaped. `decodeURIComponent` would throw "URI malformed".
 */
export function percentDecoded(text: string): Buffer {
  const decoded = text.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(decoded, 'latin1')
}
