/** What journalctl prints with `--output=json`: an object in each line (systemd.journal-fields(7)). Pure. */
import type { Severity } from '@plexd/protocol'
import { maxReadBytes, type Said, severityOf } from '../records/log-record.ts'

export interface JournalEntry extends Said {
  cursor: string
  /** It is a record of the kernel's audit: journald and the log of the kernel have copies. */
  isAudit: boolean
}

/** The only fields that are printed, beside the cursor and the time: one may be a core dump. */
export const journalFields = [
  'MESSAGE',
  'PLEXD_JSON',
  'PRIORITY',
  'UNIT',
  'SYSLOG_IDENTIFIER',
  '_SYSTEMD_UNIT',
  '_TRANSPORT',
  '_PID',
]

/** Of a line that may have been cut; a message that was too long to print is null. Undefined without a cursor and a time. */
export function parseJournalLine(line: string): JournalEntry | undefined {
  const { fields, isWhole } = readFields(line)
  const cursor = textOf(fields.__CURSOR)
  const timeMs = Number(textOf(fields.__REALTIME_TIMESTAMP)) / 1_000
  // Beyond that a date has no text.
  if (cursor === '' || !(timeMs > 0 && timeMs < 8.64e15)) return undefined
  // Our own programs put the whole line there, and words for people into the message.
  const text = textOf(fields.PLEXD_JSON) || messageOf(fields)
  return {
    cursor,
    isAudit: isAudit(textOf(fields._TRANSPORT), text),
    timeMs,
    source: 'journald',
    unit: unitOf(fields),
    text: text.slice(0, maxReadBytes),
    // Lines of JSON on stderr are information to systemd, whatever they say.
    severity: text.startsWith('{"level":"')
      ? severityOf(text)
      : ofPriority(textOf(fields.PRIORITY)),
    isCut: !isWhole || text.length > maxReadBytes || fields.MESSAGE === null,
  }
}

type Fields = Record<string, unknown>

function readFields(line: string): { fields: Fields; isWhole: boolean } {
  try {
    return { fields: JSON.parse(line) ?? {}, isWhole: true }
  } catch {
    const known = [
      ...line
        .slice(0, 4_096)
        .matchAll(/"(__CURSOR|__REALTIME_TIMESTAMP|_TRANSPORT)"\s*:\s*"([^"\\]*)"/g),
    ]
    const found = Object.fromEntries(known.map(([, name = '', value]) => [name, value]))
    return { fields: { ...found, MESSAGE: beginningOf(line, 'MESSAGE') }, isWhole: false }
  }
}

/** Of a text whose end was cut off, as much as a record takes. */
function beginningOf(line: string, name: string): string | undefined {
  const [before] = new RegExp(`"${name}"\\s*:\\s*"`).exec(line) ?? []
  if (before === undefined) return undefined
  const start = line.indexOf(before) + before.length
  const text = line.slice(start, start + maxReadBytes)
  // An escape that was cut has twelve characters at most: two halves of a surrogate pair.
  for (let cut = 0; cut < 12; cut++) {
    try {
      return JSON.parse(`"${text.slice(0, text.length - cut)}"`)
    } catch {}
  }
  return undefined
}

/** Bytes that are no text are a list of numbers, and a field that is there several times a list of its values. */
function messageOf(fields: Fields): string {
  const value = fields.MESSAGE
  return Array.isArray(value) && typeof value[0] !== 'number'
    ? value.map(textOf).join('\n')
    : textOf(value)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return ''
  return typeof value[0] === 'number' ? Buffer.from(value).toString('utf8') : textOf(value[0])
}

/** As operators call it: `sshd`, not `sshd.service`. What PID 1 says is about the unit that it names. */
function unitOf(fields: Fields): string {
  const own = textOf(fields._SYSTEMD_UNIT)
  const about = textOf(fields._PID) === '1' ? textOf(fields.UNIT) : ''
  const kernel = textOf(fields._TRANSPORT) === 'kernel' ? 'kernel' : ''
  return (about || own || kernel || textOf(fields.SYSLOG_IDENTIFIER)).replace(/\.service$/, '')
}

/** journald listens to the audit itself; without an auditd, the kernel prints it too. */
function isAudit(transport: string, text: string): boolean {
  return (
    transport === 'audit' || (transport === 'kernel' && /^audit: type=\d+ audit\(\d/.test(text))
  )
}

/** syslog(3): 0 emerg, 1 alert, 2 crit, 3 err, 4 warning, 5 notice, 6 info, 7 debug. */
function ofPriority(priority: string): Severity {
  const known: readonly Severity[] = [
    'error',
    'error',
    'error',
    'error',
    'warn',
    'info',
    'info',
    'debug',
  ]
  return known[Number(priority || '6')] ?? 'info'
}

/** How many entries are between two of the same journal that its cursors name; 0 if that cannot be told. */
export function entriesBetween(before: string, after: string): number {
  const [from, to] = [before, after].map(placeOf)
  if (!from || !to || from.journal !== to.journal) return 0
  return Math.max(0, to.number - from.number - 1)
}

/** `s=` is the sequence that numbers are of, `i=` the number in hex. */
function placeOf(cursor: string): { journal: string; number: number } | undefined {
  const [, journal, hex] = /^s=([0-9a-f]+);i=([0-9a-f]+);/.exec(cursor) ?? []
  return journal && hex ? { journal, number: Number.parseInt(hex, 16) } : undefined
}
