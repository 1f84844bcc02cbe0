/** Makes the record of an event, in the form that the control plane has for all audit. Pure. */
import type { AuditRecord } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import type { AuditEvent } from './assembler.ts'
import { decodeText, fieldsOf, formatLine } from './audit-line.ts'
import { objectOf } from './object.ts'
import { systemCallOf } from './system-calls.ts'

export interface RecordRules {
  hostname: string
  redact(text: string): string
}

/** What of an event decides whether it is sent. */
export interface EventFacts {
  types: readonly string[]
  /** Of the rules that it matched. */
  keys: readonly string[]
  pid: number | undefined
  parentPid: number | undefined
  /** Of the program; where the kernel does not say it, of the command. */
  program: string | undefined
}

type Fields = ReadonlyMap<string, string>

/** Of the lines, with what was encoded decoded, because one cannot redact what one cannot read. */
const maxRawBytes = 8 * 1024
const cutMark = '[truncated]'

/** What is read of an event for both, once: most events are left out, and their records are never made. */
export interface EventReading {
  facts: EventFacts
  toRecord(rules: RecordRules): AuditRecord
}

export function readEvent(event: AuditEvent): EventReading {
  const { lines } = event
  const fields = mainFields(lines)
  const facts = {
    types: lines.map(({ type }) => type),
    keys: fields.get('key')?.split('\x01') ?? [],
    pid: numberIn(fields, 'pid'),
    parentPid: numberIn(fields, 'ppid'),
    program: fields.get('exe') ?? fields.get('comm'),
  }
  return { facts, toRecord: (rules) => recordOf(event, { fields, facts, rules }) }
}

function recordOf(
  { lines, timeMs, omitted }: AuditEvent,
  { fields, facts, rules }: { fields: Fields; facts: EventFacts; rules: RecordRules },
): AuditRecord {
  const { redact, hostname } = rules
  const [first] = lines
  const result = resultOf(fields, first?.text ?? '')
  const { keys } = facts
  const raw = lines.map((line) => formatLine({ ...line, text: decodeText(line) })).join('\n')
  return {
    timestamp: new Date(timeMs).toISOString(),
    source: 'auditd',
    event_type: first?.type ?? '',
    subject: subjectOf(fields),
    object: { ...objectOf(lines, redact), ...(keys.length > 0 ? { keys } : {}) },
    action: actionOf(fields, first?.type ?? ''),
    ...(result === undefined ? {} : { result }),
    hostname,
    raw: bound(redact(raw), omitted > 0),
  }
}

/** Of the first line, which says what happened, and of the system call, which says who did it. */
function mainFields([first, ...others]: AuditEvent['lines']): Fields {
  if (!first) return new Map()
  const call = others.find(({ type }) => type === 'SYSCALL')
  // A later entry wins: what happened before how.
  return call ? new Map([...fieldsOf(call), ...fieldsOf(first)]) : fieldsOf(first)
}

function subjectOf(fields: Fields): Record<string, unknown> {
  const numbers = ['uid', 'auid', 'gid', 'euid', 'pid', 'ppid', 'ses'].flatMap((key) => {
    const value = numberIn(fields, key)
    return value === undefined ? [] : [[key, value]]
  })
  const texts = ['comm', 'exe', 'tty', 'subj'].flatMap((key) => {
    const value = fields.get(key)
    return value === undefined || value === '(none)' ? [] : [[key, value]]
  })
  return Object.fromEntries([...numbers, ...texts])
}

/** Undefined for 2^32 - 1, which the kernel writes for none: a process that no login has started. */
function numberIn(fields: Fields, key: string): number | undefined {
  const value = Number(fields.get(key) ?? Number.NaN)
  return Number.isSafeInteger(value) && value !== 0xffffffff ? value : undefined
}

function actionOf(fields: Fields, type: string): string {
  const operation = fields.get('op') ?? fields.get('operation')
  if (operation !== undefined) return operation
  const number = fields.get('syscall')
  if (number === undefined) return type.toLowerCase()
  // auditd may have appended the name.
  const name =
    fields.get('SYSCALL') ?? systemCallOf(fields.get('arch') ?? '', Number(number)) ?? number
  return sameCalls[name] ?? name
}

/** Variants of a call, which operators know by the name of the first. */
const sameCalls: Readonly<Record<string, string>> = {
  openat: 'open',
  openat2: 'open',
  unlinkat: 'unlink',
  renameat: 'rename',
  renameat2: 'rename',
  mkdirat: 'mkdir',
  mknodat: 'mknod',
  linkat: 'link',
  symlinkat: 'symlink',
  fchmodat: 'chmod',
  fchmod: 'chmod',
  fchownat: 'chown',
  fchown: 'chown',
  lchown: 'chown',
  execveat: 'execve',
}

function resultOf(fields: Fields, text: string): 'success' | 'denied' | 'failure' | undefined {
  if (/\bavc: +denied\b|apparmor="DENIED"/.test(text)) return 'denied'
  const said = fields.get('success') ?? fields.get('res') ?? fields.get('result')
  if (said === undefined) return undefined
  if (['yes', '1', 'success'].includes(said)) return 'success'
  // EPERM and EACCES.
  return ['-1', '-13'].includes(fields.get('exit') ?? '') ? 'denied' : 'failure'
}

function bound(raw: string, isCut: boolean): string {
  if (!isCut && Buffer.byteLength(raw) <= maxRawBytes) return raw
  return `${cutUtf8(raw, maxRawBytes - cutMark.length)}${cutMark}`
}
