import { isSea } from 'node:sea'
import {
  type Clock,
  type Log,
  ownArguments,
  replaceProcess,
  type ServiceEnvironment,
} from '@plexd/runtime'
import { restartCode, supervisorOf } from '../upgrade/self.ts'

/** A restart of this process, once it is asked for. */
export interface Restart {
  /** Ends the daemon in order, and later starts it again. Asking twice is the same as asking once. */
  request(): void
  isRequested(): boolean
  /** Call this when the daemon has ended: does not return if a restart was asked for. */
  startAgain(): void
}

/** `stop` ends the daemon, as a signal does. `service` is told to the next start as it was to this one. */
export function createRestart({
  stop,
  service = {},
  log,
}: {
  stop(): void
  service?: ServiceEnvironment | undefined
  log: Log
}): Restart {
  let isRequested = false
  return {
    request() {
      if (isRequested) return
      isRequested = true
      log.info('restarting')
      stop()
    },
    isRequested: () => isRequested,
    startAgain() {
      if (isRequested) execAgain(service)
    },
  }
}

/**
 * The same process runs the program anew, with the same arguments, environment and log: so it works under systemd, which
 * sees no end of its service, as well as at a terminal. A version that was on trial leaves that to its supervisor.
 */
function execAgain(service: ServiceEnvironment): never {
  if (supervisorOf() !== undefined) process.exit(restartCode)
  return replaceProcess(process.execPath, ownArguments(isSea()), { ...process.env, ...service })
}

/** The control plane should have what the daemon has to say before it ends: a result, or it looks lost for a while. */
const patienceMs = 5_000
const lookEachMs = 100

/** Resolves when nothing waits for the control plane any more, or it takes too long: then the next start delivers it. */
export async function untilDelivered(pending: () => number, clock: Clock): Promise<void> {
  const untilMs = clock.monotonic() + patienceMs
  // The result of the action that asked for the restart is there soon.
  do await clock.sleep(lookEachMs)
  while (pending() > 0 && clock.monotonic() < untilMs)
}
