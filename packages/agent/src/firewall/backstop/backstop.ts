import { describeError, ExecError, systemClock } from '@plexd/runtime'
import { createListeners } from '../../process/listeners.ts'
import type { WatchEnd } from '../../process/process-end.ts'
import { endProcess, hasEndedNow } from '../../process/process-identity.ts'
import { type BackstopProcess, findBackstops, stands, startBackstop } from './backstop-process.ts'
import { type BackstopPlace, planBackstop } from './backstop-text.ts'

/** The backstop behind our table: drops what that did not accept. It outlives the daemon. */
export interface Backstop {
  /**
   * Start it only after our table is in force, because it drops everything unmarked. A backstop left by an earlier
   * daemon is adopted; a different one is replaced without a gap. Resolves to what was wrong, in the past tense, if
   * anything. If it was found to be unsupported, it is tried again only with `look`.
   */
  hold(place: BackstopPlace, options?: { look?: boolean }): Promise<string | undefined>
  /** Whether it was running and has ended. */
  isLost(): boolean
  /** Calls back as soon as it has ended, if the system tells of that; returns the function that stops that. */
  onEnd(listener: () => void): () => void
}

export function createBackstop(watchEnd?: WatchEnd): Backstop {
  const listeners = createListeners()
  let held: BackstopProcess | undefined
  let watch: Disposable | undefined
  let failure: Error | undefined

  async function hold(place: BackstopPlace, { look = false } = {}): Promise<string | undefined> {
    const plan = planBackstop(place)
    if (held?.digest === plan.digest && !hasEndedNow(held)) return undefined
    if (failure && !look && !isLost()) throw failure
    failure = undefined
    const wasLost = isLost()
    const found = await findBackstops(plan.interface)
    const same = found.find(({ digest }) => digest === plan.digest)
    const isAdopted = same !== undefined && (await stands(plan))
    held = isAdopted ? same : await startBackstop(plan).catch(fail)
    watch?.[Symbol.dispose]()
    watch = watchEnd?.(held.pid, listeners.tell)
    for (const other of found) if (other.pid !== held.pid) await endProcess(other, systemClock)
    if (isAdopted) return undefined
    return wasLost
      ? `the process that holds table inet ${plan.table} had ended`
      : `table inet ${plan.table} was missing`
  }

  function fail(error: unknown): never {
    failure = new Error(describeBackstopProblem(error)) // with its cause, in words
    throw failure
  }

  function isLost(): boolean {
    return held !== undefined && hasEndedNow(held)
  }

  return { hold, isLost, onEnd: listeners.add }
}

/** Ends the processes for the interface in this network namespace. */
export async function removeBackstops(interfaceName: string): Promise<void> {
  for (const backstop of await findBackstops(interfaceName)) await endProcess(backstop, systemClock)
}

/** What is missing, and the remedy. */
export function describeBackstopProblem(error: unknown): string {
  const open =
    'nothing stands behind the packet filter, and when another program flushes it, the mesh is open until it is back'
  if (!(error instanceof ExecError) || error.missing) return `${open}: ${describeError(error)}`
  const why = error.stderr.split('\n')[0] || error.message
  return `${open}: ${why}: want nftables 1.0 and Linux 5.12 or newer`
}
