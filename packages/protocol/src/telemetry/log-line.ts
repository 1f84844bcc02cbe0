import type { LogRecord } from './records.ts'

type Said = Partial<Pick<LogRecord, 'message' | 'fields'>>

/** A log record as one reads it: the message, then its fields as `key=value`, in quotes where that is needed. Pure. */
export function logLine({ message = '', fields = {} }: Said): string {
  return [message, ...Object.entries(fields).map(fieldText)].filter(Boolean).join(' ')
}

/** What of it can be searched for: the line, and values as they are where the line has them in quotes. */
export function logWords(said: Said): string {
  const quoted = Object.values(said.fields ?? {}).filter(
    (value) => typeof value === 'string' && /["\\\p{Cc}]/u.test(value),
  )
  return [logLine(said), ...quoted].join('\n')
}

function fieldText([key, value]: [string, unknown]): string {
  const isPlain = typeof value === 'string' && /^[^\s"=\\\p{Cc}]+$/u.test(value)
  return `${key}=${isPlain ? value : JSON.stringify(value)}`
}
