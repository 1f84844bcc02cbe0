import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { openJournal } from './journal.ts'
import { isLoggedToJournal } from './journal-stream.ts'
import { createLineWriter, type LineWriter } from './line-writer.ts'

let writer: LineWriter | undefined

/**
 * This process's writer of log lines, to stderr, or to the journal if stderr goes there: all that is written stays in order. The
 * queue is flushed at exit.
 */
export function logLines(): LineWriter {
  writer ??= openLines()
  return writer
}

function openLines(): LineWriter {
  const fd = openWithoutBlocking()
  const plain = createLineWriter({ put: (bytes) => writeSync(fd, bytes), lostLine })
  process.on('exit', plain.flush)
  const journal = isLoggedToJournal() ? openJournal({ otherwise: plain, lostLine }) : undefined
  // Before the other, to which it may leave lines.
  if (journal) process.prependListener('exit', journal.flush)
  return journal ?? plain
}

/**
 * A non-blocking descriptor for stderr. O_NONBLOCK belongs to the open file description, which we may share: a
 * terminal is also the shell's, so we reopen it. Node sets it for pipes and sockets when its stream is first
 * used, and restores it at exit. Regular files do not need it.
 */
function openWithoutBlocking(): number {
  if (isatty(2)) return reopenTerminal()
  const kind = fstatSync(2, { throwIfNoEntry: false })
  if (kind?.isFIFO() || kind?.isSocket()) void process.stderr
  return 2
}

/** After a change of user a process may write to its terminal, but not reopen it: then writes block, as in most programs. */
function reopenTerminal(): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
  try {
    return openSync('/proc/self/fd/2', O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    return 2
  }
}

function lostLine(count: number): string {
  const time = new Date().toISOString()
  const msg = 'lines of the log were not written: nobody read them, or the disk was full'
  return `${JSON.stringify({ level: 'warn', time, msg, lines: count })}\n`
}
