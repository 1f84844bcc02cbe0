import { existsSync } from 'node:fs'
import { openUnixDatagrams, type UnixDatagrams } from '../native/unix-datagrams.ts'
import { journalEntry, shortenedLine } from './journal-entry.ts'
import { createLineWriter, type LineWriter } from './line-writer.ts'

/** Where journald takes entries with fields. */
const journalSocket = '/run/systemd/journal/socket'

export interface JournalOptions {
  /** Takes the lines that the journal does not, as when journald is gone. */
  otherwise: Pick<LineWriter, 'write'>
  lostLine(count: number): string
  socket?: string
}

/**
 * Writes lines of our log, which are JSON, to the journal as entries with fields. Never blocks: what journald does not take now
 * waits, up to a limit. Undefined if there is nothing to write to.
 */
export function openJournal({
  otherwise,
  lostLine,
  socket = journalSocket,
}: JournalOptions): LineWriter | undefined {
  const datagrams = open(socket)
  if (!datagrams) return undefined
  return createLineWriter({
    put(line) {
      putLine(Buffer.from(line).toString(), datagrams, otherwise)
      return line.length
    },
    lostLine,
  })
}

function open(socket: string): UnixDatagrams | undefined {
  try {
    // As in a service with a root folder of its own.
    return existsSync(socket) ? openUnixDatagrams(socket) : undefined
  } catch {
    return undefined // Node has no FFI
  }
}

/** An entry is taken as a whole or not at all; throws while the queue of journald is full. */
function putLine(
  line: string,
  { send }: UnixDatagrams,
  otherwise: Pick<LineWriter, 'write'>,
): void {
  const sent = send(journalEntry(line))
  const error = sent === 'EMSGSIZE' ? send(journalEntry(shortenedLine(line))) : sent
  if (error === 'EAGAIN' || error === 'ENOBUFS') throw new Error(error)
  if (error !== undefined) otherwise.write(line)
}
