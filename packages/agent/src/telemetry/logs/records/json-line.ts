/** Lines of programs that log JSON: what is the message of one, its severity, and its fields. Pure. */
import { passedBound, type Severity } from '@plexd/protocol'
import { parseExact } from '@plexd/runtime'

export interface JsonLine {
  message: string
  /** Undefined if it says none that is known. */
  severity: Severity | undefined
  /** All other members that say more than the record does anyway. */
  fields: Readonly<Record<string, unknown>>
}

/** What the record has beside the line. */
export interface LineOrigin {
  timeMs: number
  unit: string
  hostname: string
}

/** A larger one is no line for people; it stays the text that it is. */
const bounds = { maxBytes: 16 * 1024, maxDepth: 8, maxValues: 256 }

/** As the usual libraries call them: pino, zap, slog, logrus, winston, Serilog, structlog, Docker. The first one there is it. */
const messageKeys = ['message', 'msg', '@m', 'event', 'log']
const severityKeys = ['severity', 'level', 'lvl', 'levelname', 'log.level', '@l']
const timeKeys = new Set(['time', 'ts', 'timestamp', '@timestamp', '@t'])

/** Undefined for what is not one object of JSON with a message. */
export function readJsonLine(text: string, origin: LineOrigin): JsonLine | undefined {
  const line = text.trim()
  if (!line.startsWith('{') || !line.endsWith('}') || passedBound(line, bounds)) return undefined
  const members = parseObject(line)
  const messageKey = messageKeys.find((key) => isText(members?.[key]))
  if (!members || messageKey === undefined) return undefined
  const severityKey = severityKeys.find((key) => severityOfValue(members[key]) !== undefined)
  const severity = severityKey && severityOfValue(members[severityKey])
  const rest = Object.entries(members).filter(
    ([key, value]) =>
      key !== messageKey &&
      !(key === severityKey && isSaid(value, severity)) &&
      !isRedundant(key, value, origin),
  )
  return {
    message: String(members[messageKey]).trimEnd(),
    severity: severity || undefined,
    fields: Object.fromEntries(rest),
  }
}

/** Undefined for what is not one. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseExact(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return value as Record<string, unknown> // just checked
  } catch {
    return undefined
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

const words: Readonly<Record<Severity, readonly string[]>> = {
  debug: ['debug', 'trace', 'verbose'],
  info: ['info', 'information', 'informational', 'notice'],
  warn: ['warn', 'warning'],
  error: 'error err critical crit fatal panic dpanic alert emerg emergency severe'.split(' '),
}
const severityOfWord = new Map(
  Object.entries(words).flatMap(([severity, list]) =>
    list.map((word) => [word, severity as Severity] as const),
  ),
)
/** syslog(3), as GELF has it. */
const severityOfSyslog: readonly Severity[] = [
  ...(['error', 'error', 'error', 'error'] as const),
  ...(['warn', 'info', 'info', 'debug'] as const),
]

/** A word, or the number of syslog (0 to 7) or of pino (10 for trace to 60 for fatal). */
function severityOfValue(value: unknown): Severity | undefined {
  if (typeof value === 'string') return severityOfWord.get(value.toLowerCase())
  if (typeof value !== 'number') return undefined
  if (value < 10) return severityOfSyslog[value]
  return value <= 20 ? 'debug' : value <= 30 ? 'info' : value <= 40 ? 'warn' : 'error'
}

/** Whether the severity says all that the value does: not of `fatal`, which is more than an error. */
function isSaid(value: unknown, severity: Severity | '' | undefined): boolean {
  if (typeof value === 'number') return [20, 30, 40, 50].includes(value)
  const word = String(value).toLowerCase()
  return word === severity || word === 'warning' || word === 'information'
}

function isRedundant(key: string, value: unknown, { timeMs, unit, hostname }: LineOrigin): boolean {
  if (key === 'name') return value === unit
  if (key === 'hostname') return value === hostname
  return timeKeys.has(key) && Math.abs(timeOf(value) - timeMs) < 1_000
}

/** Milliseconds since 1970, of a text or of seconds or milliseconds; NaN for what is no time. */
function timeOf(value: unknown): number {
  if (typeof value === 'string') return Date.parse(value)
  if (typeof value !== 'number') return Number.NaN
  return value < 1e11 ? value * 1_000 : value
}
