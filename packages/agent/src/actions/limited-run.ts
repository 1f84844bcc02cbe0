import type { ExecutionResult } from '@plexd/protocol'
import { type Clock, describeError } from '@plexd/runtime'
import type { ActionOutput } from './define.ts'
import type { Deadline } from './request.ts'

/** Why an action was ended before it had finished. */
export interface Ending {
  status: 'timeout' | 'cancelled'
  words: string
}

/** What an action has come to, with a line of ours for the end of its stderr. */
export interface Outcome extends ActionOutput {
  status: Extract<ExecutionResult['status'], 'success' | 'failure' | 'timeout' | 'cancelled'>
  note?: string
}

/** An action that runs. */
export interface LimitedRun {
  /** Aborts its signal; only the first reason counts. */
  end(ending: Ending): void
  /** Never rejects; at the latest `endingMs` after its signal was aborted. */
  readonly outcome: Promise<Outcome>
  /** When nothing of it runs any more: with the outcome, unless it does not heed its signal. */
  readonly ended: Promise<void>
}

export interface RunLimits {
  deadline: Deadline
  clock: Clock
}

/** How long an action may take to end what it has started; a program has 5 s between SIGTERM and SIGKILL. */
export const endingMs = 10_000

export function startLimited(
  run: (signal: AbortSignal) => Promise<ActionOutput>,
  { deadline: { timeoutMs, words }, clock }: RunLimits,
): LimitedRun {
  const stop = new AbortController()
  const decided = new AbortController()
  let ending: Ending | undefined
  function end(why: Ending): void {
    ending ??= why
    stop.abort()
  }

  async function endAtDeadline(): Promise<void> {
    await clock.sleep(timeoutMs, AbortSignal.any([decided.signal, stop.signal]))
    end({ status: 'timeout', words })
  }

  async function giveUp(): Promise<Finished> {
    await aborted(stop.signal)
    await clock.sleep(endingMs, decided.signal)
    return 'runs on'
  }

  async function decide(given: Promise<Finished>, givenUp: Promise<Finished>): Promise<Outcome> {
    const finished = await Promise.race([given, givenUp])
    const outcome = toOutcome(finished, ending)
    decided.abort()
    return outcome
  }

  const work = Promise.try(run, stop.signal).then(
    (output): Finished => ({ output }),
    (error: unknown): Finished => ({ error: describeError(error) }),
  )
  const [deadline, givenUp] = [endAtDeadline(), giveUp()]
  for (const wait of [deadline, givenUp]) wait.catch(() => {}) // it was decided before
  return { end, outcome: decide(work, givenUp), ended: work.then(() => {}) }
}

type Finished = { output: ActionOutput } | { error: string } | 'runs on'

const nothing: ActionOutput = { exit_code: 1, stdout: '', stderr: '' }

function toOutcome(finished: Finished, ending: Ending | undefined): Outcome {
  const output = typeof finished === 'object' && 'output' in finished ? finished.output : nothing
  if (ending) {
    const unfinished = finished === 'runs on' ? ', and it has not ended yet' : ''
    return { ...output, status: ending.status, note: `${ending.words}${unfinished}` }
  }
  if (typeof finished === 'object' && 'error' in finished)
    return { ...output, status: 'failure', note: finished.error }
  return { ...output, status: output.exit_code === 0 ? 'success' : 'failure' }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}
