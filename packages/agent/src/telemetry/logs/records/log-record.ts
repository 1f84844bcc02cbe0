/** Makes records of what programs say. Pure. */
import { type LogRecord, type Severity, severities } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import type { Redaction } from './redaction.ts'

/** Of a message, in UTF-8, with the mark. */
export const maxMessageBytes = 16 * 1024
/** A secret that begins before the end of a message is known by what follows it. */
export const maxReadBytes = maxMessageBytes + 4 * 1024
const cutMark = '[truncated]'

/** What was read, before it is looked at. */
export interface Said {
  timeMs: number
  source: string
  unit: string
  /** At most {@link maxReadBytes} of it. */
  text: string
  severity: Severity
  /** There was more of it. */
  isCut: boolean
}

export interface RecordRules {
  hostname: string
  /** Less severe ones are left out. */
  least: Severity
  redact: Redaction
}

/** Undefined for what is not to be sent. */
export function toRecord(
  said: Said,
  { hostname, least, redact }: RecordRules,
): LogRecord | undefined {
  const { timeMs, source, unit, text, severity, isCut } = said
  if (severities.indexOf(severity) < severities.indexOf(least)) return undefined
  return {
    timestamp: new Date(timeMs).toISOString(),
    source,
    unit,
    message: bound(redact(text.replaceAll('\0', '\ufffd'), unit), isCut),
    severity,
    hostname,
  }
}

function bound(message: string, isCut: boolean): string {
  if (!isCut && Buffer.byteLength(message) <= maxMessageBytes) return message
  const kept = cutUtf8(message, maxMessageBytes - cutMark.length)
  // The first bytes of a character whose others were not read.
  return `${kept.replace(/\ufffd+$/, '')}${cutMark}`
}

/** Of a line that has no severity of its own: what it says of itself near its beginning, otherwise `info`. */
export function severityOf(text: string): Severity {
  const [, error, warn, debug] = word.exec(text.slice(0, 256)) ?? []
  return error ? 'error' : warn ? 'warn' : debug ? 'debug' : 'info'
}

/** In brackets, as `level=error` or `"level":"error"`, or in capitals: a plain "error" may be part of a sentence. */
const word = new RegExp(
  ['emerg|alert|crit(?:ical)?|fatal|panic|err(?:or)?', 'warn(?:ing)?', 'debug|trace']
    .map((words) => {
      const capitals = words.toUpperCase()
      const either = `${words}|${capitals}`
      return `(\\[(?:${either})\\]|<(?:${either})>|\\b"?(?:level|severity|lvl)"?\\s{0,2}[=:]\\s{0,2}"?(?:${either})\\b|(?<![A-Z_-])(?:${capitals})(?![A-Z_-]))`
    })
    .join('|'),
)
