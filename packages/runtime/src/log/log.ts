import { pino } from 'pino'
import { escapeJson } from '../text/printable.ts'
import type { KeptLines } from './kept-lines.ts'
import { boundFields } from './log-fields.ts'
import { lineForPeople } from './log-words.ts'
import { logLines } from './stderr.ts'

/** One JSON object per line: a constant message, then fields with their wire names. Never a token, key or payload. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** A log whose level can be changed at runtime. */
export interface AdjustableLog extends Log {
  setLevel(level: LogLevel): void
}

/**
 * Writes to stderr, so that stdout is free for a command's output; in the journal each field is one. An `error` field is shown with its causes. Any field
 * may contain data from outside, so lines are limited in size and contain no control characters. Writing never blocks:
 * nobody may stop a daemon by not reading its log. What is written is also added to `kept`.
 */
export function createLog(
  name: string,
  level: LogLevel = 'info',
  kept?: Pick<KeptLines, 'add'>,
): AdjustableLog {
  const lines = logLines()
  return logInto(name, level, (line) => {
    // The log is often read on a terminal.
    const safe = escapeJson(line)
    lines.write(safe)
    kept?.add(safe.trimEnd())
  })
}

/** Of a command: a person at a terminal gets words, and whoever else reads stderr what `createLog` writes. */
export function createCommandLog(name: string, level: LogLevel = 'warn'): Log {
  if (!process.stderr.isTTY) return createLog(name, level)
  const lines = logLines()
  return logInto(name, level, (line) => void lines.write(`${lineForPeople(line)}\n`))
}

function logInto(name: string, level: LogLevel, write: (line: string) => void): AdjustableLog {
  const logger = pino(
    {
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  const at =
    (severity: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      logger[severity](boundFields(withCauses(fields)), message)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(next) {
      logger.level = next
    },
  }
}

/** For tests, and for parts whose caller reports failures itself. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

function withCauses(fields: Record<string, unknown>): Record<string, unknown> {
  return fields.error instanceof Error ? { ...fields, error: describeError(fields.error) } : fields
}

/** The message of an error and of each of its causes, joined by colons. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // The AggregateError of several connection attempts has an empty message, and the reasons inside.
  const inner = error instanceof AggregateError ? error.errors.map(describeError).join(', ') : ''
  const message = [error.message, inner].filter(Boolean).join(': ') || error.name
  return error.cause === undefined ? message : `${message}: ${describeError(error.cause)}`
}
