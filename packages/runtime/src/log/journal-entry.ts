/** Log lines as entries of systemd's journal (systemd.journal-fields(7), JOURNAL_NATIVE_PROTOCOL). Pure. */
import { printable } from '../text/printable.ts'
import { fieldWords } from './log-words.ts'

/** syslog(3). */
const priorities: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 }

/** More than any line of ours has; journald takes 1024. */
const maxFields = 128
/** Of journald. */
const maxNameChars = 64

/**
 * The entry of a line of our log, which is JSON. `MESSAGE` is for people, with the fields as `key=value`; each field is
 * `PLEXD_KEY` as well; and `PLEXD_JSON` is the line as it would be elsewhere, from which programs read.
 */
export function journalEntry(line: string): Buffer {
  const { level, time: _, name, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const own = Object.entries(fields)
    .slice(0, maxFields)
    .map(([key, value]) => [fieldName(key), textOf(value)] as const)
  return encodeEntry([
    ['MESSAGE', printable([msg, ...fieldWords(fields)].join(' '))],
    ['PRIORITY', String(priorities[String(level)] ?? priorities.info)],
    ['SYSLOG_IDENTIFIER', String(name ?? 'plexd')],
    ['PLEXD_JSON', line.trimEnd()],
    ...own,
  ])
}

/** A line that is too long for a datagram, without its fields but with how long it was. */
export function shortenedLine(line: string): string {
  const { level, name, msg } = JSON.parse(line) as Record<string, unknown>
  return JSON.stringify({
    level,
    name,
    cut_bytes: Buffer.byteLength(line),
    msg: textOf(msg).slice(0, 1_024),
  })
}

/** A value of several lines, or that is no text, is preceded by its length. */
function encodeEntry(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => encodeField(name, Buffer.from(value))))
}

function encodeField(name: string, value: Buffer): Buffer {
  if (!value.includes('\n')) return Buffer.concat([Buffer.from(`${name}=`), value, newline])
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(value.length))
  return Buffer.concat([Buffer.from(`${name}\n`), size, value, newline])
}

const newline = Buffer.from('\n')

/** journald refuses names with other characters, and those that are too long. */
function fieldName(key: string): string {
  return `PLEXD_${key.toUpperCase().replace(/[^A-Z0-9_]/g, '_')}`.slice(0, maxNameChars)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
