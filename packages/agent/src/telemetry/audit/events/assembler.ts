import { type AuditLine, formatLine } from './audit-line.ts'
import { standsAlone } from './record-types.ts'

export interface AuditEvent {
  timeMs: number
  serial: number
  /** In the order in which they came, one at least. */
  lines: AuditLine[]
  /** Lines beyond the bounds, as of a command with many arguments. */
  omitted: number
}

/** Joins the lines of events, which come one after another, but mixed with those of other processors. */
export interface Assembler {
  /** Returns the events that are over with it. */
  add(line: AuditLine, nowMs: number): AuditEvent[]
  /** Those of which no end has come in time. `nowMs`: of the monotonic clock. */
  expire(nowMs: number): AuditEvent[]
  /** The lines of events that are not over, to be added again after a restart. */
  openLines(): string[]
}

/** More at a time than processors have events; the oldest then counts as over. */
const maxOpen = 64
/** Of all of them, because they are kept in the cursor. */
const maxOpenChars = 64 * 1024
const maxLines = 48
const maxChars = 32 * 1024
/** auditd waits as long (end_of_event_timeout). */
const lateMs = 2_000

export function createAssembler(): Assembler {
  const open = new Map<string, AuditEvent & { chars: number; sinceMs: number }>()
  let openChars = 0

  function close(key: string): AuditEvent[] {
    const event = open.get(key)
    if (!event) return []
    open.delete(key)
    openChars -= event.chars
    return event.lines.length > 0 ? [event] : []
  }

  function closeTooMany(): AuditEvent[] {
    const closed: AuditEvent[] = []
    for (const key of open.keys()) {
      if (open.size <= maxOpen && openChars <= maxOpenChars) break
      closed.push(...close(key))
    }
    return closed
  }

  return {
    add(line, nowMs) {
      const { timeMs, serial, type, text } = line
      const key = `${timeMs}:${serial}`
      if (type === 'EOE') return close(key)
      const event = open.getOrInsertComputed(key, () => ({
        ...{ timeMs, serial, lines: [], omitted: 0, chars: 0 },
        sinceMs: nowMs,
      }))
      // The last line is always kept: it says what the program was.
      const isLast = type === 'PROCTITLE'
      const isFull = event.lines.length >= maxLines || event.chars + text.length > maxChars
      if (isFull && !isLast) event.omitted++
      else {
        event.lines.push(line)
        event.chars += text.length
        openChars += text.length
      }
      // auditd leaves out the end that the kernel sends, which comes after this one.
      return isLast || standsAlone(type) ? close(key) : closeTooMany()
    },
    expire(nowMs) {
      const late = [...open].filter(([, { sinceMs }]) => nowMs - sinceMs >= lateMs)
      return late.flatMap(([key]) => close(key))
    },
    openLines: () => [...open.values()].flatMap(({ lines }) => lines.map(formatLine)),
  }
}
