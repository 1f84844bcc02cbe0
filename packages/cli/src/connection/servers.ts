import { ApiError, saysPhase } from '@plexd/protocol'
import { CliError, exitCodes, isUnsent } from '@plexd/runtime'
import { choose, type Outcome } from './choice.ts'
import { explainFailure, type Target } from './failure.ts'

/** The control planes that were named, in this order. */
export interface Servers {
  readonly targets: readonly Target[]
  /**
   * Asks the first that takes the connection and serves; from then on it is the first to be asked. What changes something is sent to
   * the next one only if it is certain that nothing was done.
   */
  ask<T>(question: Question<T>): Promise<T>
}

export interface Question<T> {
  /** For errors: `POST /v1/tokens`. */
  what: string
  isRead: boolean
  /** At no other than the one in use: what it sends can be read only once. */
  isOnce?: boolean
  /** Rejects with an ApiError or a CliError for an answer, and with the network's own error without. `at`: which of the targets. */
  ask(target: Target, at: number): Promise<T>
  signal?: AbortSignal | undefined
}

export function createServers(targets: readonly Target[]): Servers {
  let inUse = 0

  async function ask<T>(question: Question<T>): Promise<T> {
    const { isRead, isOnce = false } = question
    const order = inOrderFrom(inUse, isOnce ? 1 : targets.length, targets.length)
    const failures: CliError[] = []
    for (const [step, at] of order.entries()) {
      const target = targets[at] as Target // the order is of these
      try {
        const value = await question.ask(target, at)
        inUse = at
        return value
      } catch (error) {
        if (question.signal?.aborted) throw original(error, target)
        const left = order.length - step - 1
        const choice = choose({ outcome: outcomeOf(error), isRead, left })
        // With one control plane alone what is known is in the reason.
        if (choice === 'unknown' && targets.length > 1) throw unknown(question, target, error)
        failures.push(explained(error, target))
        if (choice === 'next') continue
        if (choice === 'take') inUse = at
        throw choice === 'take' || failures.length === 1 ? original(error, target) : all(failures)
      }
    }
    throw all(failures)
  }
  return { targets, ask }
}

function inOrderFrom(first: number, count: number, all: number): number[] {
  return Array.from({ length: count }, (_, step) => (first + step) % all)
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof ApiError)
    return error.status === 503 && saysPhase(error.message) ? 'waiting' : 'answered'
  if (error instanceof CliError) return 'answered'
  return isUnsent(error) ? 'unsent' : 'lost'
}

/** An answer stays what it is: callers look at its status. */
function original(error: unknown, target: Target): unknown {
  return error instanceof ApiError ? error : explainFailure(error, target)
}

function explained(error: unknown, target: Target): CliError {
  if (!(error instanceof ApiError)) return explainFailure(error, target)
  return new CliError(`"${target.server}": ${error.message}`, exitCodes.unreachable)
}

function all(failures: readonly CliError[]): CliError {
  return new CliError(
    `none of ${failures.length} control planes serves: ${failures.map(({ message }) => message).join('; ')}`,
    exitCodes.unreachable,
  )
}

function unknown({ what }: Pick<Question<unknown>, 'what'>, target: Target, error: unknown) {
  return new CliError(
    `${what} was sent to the control plane at "${target.server}", and the connection was lost before it answered: it may be done or not, so it was sent to no other one: look whether it is done before you run this again`,
    exitCodes.unreachable,
    { cause: explainFailure(error, target) },
  )
}
