/** Makes records of what programs say. Pure. */
import { type LogRecord, type Severity, severities } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import { readJsonLine } from './json-line.ts'
import { redactLine } from './redact-line.ts'
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
  /** Whether lines of JSON are taken apart. */
  json: boolean
}

/** Undefined for what is not to be sent. */
export function toRecord(said: Said, rules: RecordRules): LogRecord | undefined {
  const { timeMs, source, unit, isCut } = said
  const { hostname, least, redact, json } = rules
  const text = withoutNul(said.text)
  const origin = { timeMs, unit, hostname }
  const line = json && !isCut ? readJsonLine(text, origin) : undefined
  const severity = line?.severity ?? said.severity
  if (severities.indexOf(severity) < severities.indexOf(least)) return undefined
  const { message, fields = {} } = line
    ? redactLine(text, line, { origin, redact })
    : { message: redact(text, unit) }
  return {
    timestamp: new Date(timeMs).toISOString(),
    source,
    unit,
    message: bound(withoutNul(message), isCut),
    severity,
    hostname,
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
  }
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd')
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
