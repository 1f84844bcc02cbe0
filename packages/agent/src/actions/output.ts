import type { ActionOutput } from './define.ts'

const suffix = '\n...[truncated]'

/** The text cut to `maxBytes` of UTF-8, the note about it included; never in the middle of a character. */
export function truncateOutput(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = Math.max(0, maxBytes - suffix.length)
  // Bytes 10xxxxxx continue a character (RFC 3629, section 3).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end).toString('utf8') + suffix
}

/** The output of an action that answers with data. */
export function jsonOutput(value: unknown, exit_code = 0): ActionOutput {
  return { exit_code, stdout: `${JSON.stringify(value, null, 2)}\n`, stderr: '' }
}
