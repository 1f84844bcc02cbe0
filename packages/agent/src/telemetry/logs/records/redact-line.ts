import type { LogRecord } from '@plexd/protocol'
import { type JsonLine, type LineOrigin, parseObject, readJsonLine } from './json-line.ts'
import { type Redaction, redactedMark } from './redaction.ts'

/**
 * The message and the fields of a line of JSON, without secrets: redacted as it was written, which is what patterns are made for, and
 * then in each part, because an escape may hide in the text what it is. What cannot be read any more after that is one text. Pure.
 */
export function redactLine(
  text: string,
  line: JsonLine,
  { origin, redact }: { origin: LineOrigin; redact: Redaction },
): Pick<LogRecord, 'message' | 'fields'> {
  const { unit } = origin
  const written = redact(text, unit)
  const clean = written === text ? line : readHealed(written, (one) => readJsonLine(one, origin))
  if (!clean) return { message: written }
  // Lines of keys are told apart by the unit: each of the three texts has its own.
  const message = redact(clean.message, `${unit} message`)
  const before = JSON.stringify(clean.fields)
  const after = redact(before, `${unit} fields`)
  const fields = before === after ? clean.fields : readHealed(after, parseObject)
  return fields ? { message, fields } : { message: `${message} ${after}` }
}

/** A number that was redacted is a text from then on. */
function readHealed<Read>(text: string, read: (text: string) => Read | undefined) {
  return read(text) ?? read(text.replaceAll(bareMark, `"${redactedMark}"`))
}

const bareMark = new RegExp(`(?<=[:,[]\\s*)${RegExp.escape(redactedMark)}(?=\\s*[,}\\]])`, 'g')
