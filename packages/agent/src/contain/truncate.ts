import { cutUtf8 } from '@plexd/runtime'

const suffix = '\n...[truncated]'

/** Truncates a text to `maxBytes` of UTF-8, including the truncation note; never inside a character. */
export function truncateOutput(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  return cutUtf8(text, Math.max(0, maxBytes - suffix.length)) + suffix
}
