import { describeError, ExecError, systemClock } from '@plexd/runtime'
import { endProcess, hasEndedNow } from '../../process/process-identity.ts'
import { type BackstopProcess, findBackstops, stands, startBackstop } from './backstop-process.ts'
import { type BackstopPlace, type BackstopPlan, planBackstop } from './backstop-text.ts'

/** The backstop behind our table: drops what that did not accept. It outlives the daemon. */
export interface Backstop {
  /**
   * Start it only after our table is in force, because it drops everything unmarked. A backstop left by an earlier daemon is adopted;
   * a different one is replaced without a gap. Resolves to what was wrong, in the past tense, if anything.
   * If it was found to be unsupported, it is tried again only with `look`.
   */
  hold(place: BackstopPlace, options?: { look?: boolean }): Promise<string | undefined>
  /** Whether it was running and has ended. Cheap, because it is called often. */
  isLost(): boolean
}

export function createBackstop(): Backstop {
  let held: BackstopProcess | undefined
  let failure: Error | undefined

  async function hold(place: BackstopPlace, { look = false } = {}): Promise<string | undefined> {
    const plan = planBackstop(place)
    if (held?.digest === plan.digest && !hasEndedNow(held)) return undefined
    if (failure && !look && !isLost()) throw failure
    failure = undefined
    const wasLost = isLost()
    const others = (await findBackstops()).filter(({ interface: name }) => name === plan.interface)
    held = await takeOver(plan, others)
    const isAdopted = held !== undefined
    held ??= await startBackstop(plan).catch(fail)
    for (const other of others) if (other.pid !== held.pid) await endProcess(other, systemClock)
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

  return { hold, isLost }
}

async function takeOver(
  plan: BackstopPlan,
  found: readonly BackstopProcess[],
): Promise<BackstopProcess | undefined> {
  const same = found.find(({ digest }) => digest === plan.digest)
  return same && (await stands(plan)) ? same : undefined
}

/** The processes for one interface, in this network namespace. */
export async function removeBackstops(interfaceName: string): Promise<void> {
  for (const backstop of await findBackstops())
    if (backstop.interface === interfaceName) await endProcess(backstop, systemClock)
}

/** What is missing, and the remedy. */
export function describeBackstopProblem(error: unknown): string {
  const open =
    'nothing stands behind the packet filter, and when another program flushes it, the mesh is open until it is back'
  if (!(error instanceof ExecError) || error.missing) return `${open}: ${describeError(error)}`
  const why = error.stderr.split('\n')[0] || error.message
  return `${open}: ${why}: want nftables 1.0 and Linux 5.12 or newer`
}
