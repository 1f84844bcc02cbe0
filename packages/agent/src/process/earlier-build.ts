/** A running daemon may be of an earlier build than the command that calls it. */
import { stat } from 'node:fs/promises'
import { ApiError } from '@plexd/protocol'
import { CliError, exitCodes, systemClock } from '@plexd/runtime'
import { identify, type ProcessIdentity, untilEnded } from './process-identity.ts'
import { listenerAt } from './sockets/peer-credentials.ts'

/** A missing entry is answered with JSON, an unknown path or method with text. */
export function isOfEarlierBuild(error: unknown): boolean {
  if (!(error instanceof ApiError) || ![404, 405].includes(error.status)) return false
  return typeof error.details?.error !== 'string'
}

/** Instead of a bare 404. `what` was tried. */
export function describeEarlierBuild(what: string, socketPath: string): CliError {
  return new CliError(
    `${what}: the daemon at "${socketPath}" is of an earlier build and does not know this: restart it, with "systemctl restart plexd"`,
    exitCodes.failed,
  )
}

const patienceMs = 10_000

/** Sends SIGTERM to a daemon that cannot be asked to end: the process that, according to the kernel, owns the socket. */
export async function endEarlierBuild(socketPath: string): Promise<void> {
  const process_ = await processAt(socketPath)
  if (!process_) throw cannotEnd(socketPath, 'the kernel does not tell which process it is')
  process.kill(process_.pid, 'SIGTERM')
  if (!(await untilEnded(process_, { ...systemClock, patienceMs })))
    throw cannotEnd(socketPath, `process ${process_.pid} does not end`)
}

/** Only if both have the same user: the id of a process that has ended may have been reused. */
async function processAt(socketPath: string): Promise<ProcessIdentity | undefined> {
  const pid = await listenerAt(socketPath)
  if (!pid) return undefined
  const found = await identify(pid)
  const [socket, process_] = await Promise.all([stat(socketPath), stat(`/proc/${pid}`)])
  return socket.uid === process_.uid ? found : undefined
}

function cannotEnd(socketPath: string, why: string): CliError {
  return new CliError(
    `stop the daemon at "${socketPath}": it is of an earlier build, which cannot be asked to end, and ${why}: stop it with "systemctl stop plexd", then run this again`,
  )
}
