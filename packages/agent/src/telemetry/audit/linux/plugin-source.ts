import { once } from 'node:events'
import { connect } from 'node:net'
import { readLines } from '../../logs/journal/read-lines.ts'
import { type AuditLine, parseLine } from '../events/audit-line.ts'

/** A line of the kernel, with what auditd may append. */
const maxLineBytes = 20 * 1024

/** What auditd's plugin `af_unix` sends to who connects, in the format `string`. Ends when it closes; throws if nobody listens. */
export async function* readPlugin(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ lines: (AuditLine | undefined)[]; bytes: number }> {
  const socket = connect({ path, signal })
  try {
    await once(socket, 'connect', { signal })
    for await (const { lines, bytes } of readLines(socket, maxLineBytes))
      yield { lines: lines.map(parseLine), bytes }
  } finally {
    socket.destroy()
  }
}
