import { cutUtf8 } from '@plexd/runtime'
import type { ActionOutput } from './define.ts'

const suffix = '\n...[truncated]'

/** Truncates a text to `maxBytes` of UTF-8, including the truncation note; never inside a character. */
export function truncateOutput(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  return cutUtf8(text, Math.max(0, maxBytes - suffix.length)) + suffix
}

/** The output of an action that returns data. */
export function jsonOutput(value: unknown, exit_code = 0): ActionOutput {
  return { exit_code, stdout: `${JSON.stringify(value, null, 2)}\n`, stderr: '' }
}
