/** A daemon goes on as it was while its program is replaced: it may be of an earlier build than the command that calls it. */
import { stat } from 'node:fs/promises'
import { ApiError } from '@plexd/protocol'
import { CliError, exitCodes, systemClock } from '@plexd/runtime'
import { listenerAt } from './peer-credentials.ts'
import { identify, type ProcessIdentity, untilEnded } from './process-identity.ts'

/** An answer about an entry that is not there is JSON; about a path, or a method, that the daemon does not know, it is text. */
export function isOfEarlierBuild(error: unknown): boolean {
  if (!(error instanceof ApiError) || ![404, 405].includes(error.status)) return false
  return typeof error.details?.error !== 'string'
}

/** In place of a bare 404; any other failure stays what it is. `what` was tried. */
export function describeEarlierBuild(what: string, socketPath: string): CliError {
  return new CliError(
    `${what}: the daemon at "${socketPath}" is of an earlier build and does not know this: restart it, with "systemctl restart plexd"`,
    exitCodes.failed,
  )
}

const patienceMs = 10_000

/**
 * Sends SIGTERM to a daemon that cannot be asked to end: to the process that the kernel names as the one behind the
 * socket, by the number that it has here, and no other.
 */
export async function endEarlierBuild(socketPath: string): Promise<void> {
  const process_ = await processAt(socketPath)
  if (!process_) throw cannotEnd(socketPath, 'the kernel does not tell which process it is')
  process.kill(process_.pid, 'SIGTERM')
  if (!(await untilEnded(process_, { ...systemClock, patienceMs })))
    throw cannotEnd(socketPath, `process ${process_.pid} does not end`)
}

/** Of the user whose the socket is: the number of a process that is gone may be that of somebody else's by now. */
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
