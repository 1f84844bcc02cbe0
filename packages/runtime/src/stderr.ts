import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { createLineWriter, type LineWriter } from './line-writer.ts'

let writer: LineWriter | undefined

/** The one of this process: all that is written to stderr keeps its order. What waits when the process ends is flushed. */
export function stderrLines(): LineWriter {
  if (writer) return writer
  const fd = openWithoutBlocking()
  writer = createLineWriter({ put: (bytes) => writeSync(fd, bytes), lostLine })
  process.on('exit', writer.flush)
  return writer
}

/**
 * A descriptor of stderr whose writes never wait. Whether they do is a matter of the open file, which we may share: a
 * terminal belongs to the shell too, and is opened again. Pipes and sockets Node itself makes so when it is asked for
 * its stream, and gives them back as they were at the end. Files have no such thing, and need none.
 */
function openWithoutBlocking(): number {
  if (isatty(2)) return reopenTerminal()
  const kind = fstatSync(2, { throwIfNoEntry: false })
  if (kind?.isFIFO() || kind?.isSocket()) void process.stderr
  return 2
}

/** Who has become another user may write to his terminal, but not open it: then he waits for it, as everybody does. */
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
