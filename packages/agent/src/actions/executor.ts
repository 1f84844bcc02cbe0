import { type ExecutionResult, formatDuration, type TriggeredBy } from '@plexd/protocol'
import { type Clock, cutUtf8, describeError, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { ExecutionOutbox } from '../control/execution-outbox.ts'
import { type AdmissionDeps, type Admitted, admit, type Running } from './admission.ts'
import { endingMs, type LimitedRun, startLimited } from './limited-run.ts'
import { outputOf } from './output.ts'
import { type ActionRequest, deadlineOf, refuseLongTimeout } from './request.ts'

/**
 * Runs actions. Disposing accepts no further ones, gives those that run 30 s to finish, then cancels them, and reports
 * them as cancelled.
 */
export interface ActionExecutor extends AsyncDisposable {
  /**
   * Of the control plane. Resolves when the decision (accepted, or rejected with a reason) is durable, not when the
   * action has run.
   */
  request(request: ActionRequest): Promise<void>
  /** Ends a running execution of the control plane, which is then reported as cancelled; leaves any other alone. */
  cancel(executionId: string): void
  /**
   * For a caller on this machine, until it has finished or `signal` cancels it; the control plane is not told. Rejects
   * with an ActionRefusal if it must not run, or a RangeError for a timeout that is too long.
   */
  runLocal(request: ActionRequest, signal?: AbortSignal): Promise<LocalResult>
}

export type LocalResult = ExecutionResult & { execution_id: string }

export interface ExecutorDeps extends Pick<AdmissionDeps, 'actions'> {
  config: Pick<AgentConfig, 'actionsEnabled' | 'maxConcurrentActions' | 'maxActionMs' | 'limits'>
  outbox: Pick<ExecutionOutbox, 'decide' | 'finish' | 'repeat' | 'pendingCount'>
  clock: Clock
  log: Log
}

const drainMs = 30_000

/** How long the last results have to be sent; what is left is sent at the next start. */
const sendMs = 1_000
const sendEachMs = 20

/** A result that the disk refuses. */
const keepEachMs = 5_000

/** That of the wire contract. */
const maxReasonBytes = 4_096

/** At most how long disposing takes: what is cancelled has 10 s to end. */
export const stopExecutorMs = drainMs + endingMs + sendMs

export function createActionExecutor(deps: ExecutorDeps): ActionExecutor {
  const { config, outbox, clock, log } = deps
  const remote: Running = new Map()
  const local: Running = new Map()
  const reporting = new Set<Promise<unknown>>()
  const stopping = new AbortController()
  const admission = { ...deps, stopping: stopping.signal }

  function start(request: ActionRequest, { action, run }: Admitted, running: Running): LimitedRun {
    const context = {
      executionId: request.execution_id,
      action: action.name,
      triggeredBy: originOf(request),
      outputBytes: config.limits.action_output_bytes,
    }
    const limits = { presetMs: action.timeoutMs, maxMs: config.maxActionMs }
    const deadline = deadlineOf(request, limits)
    const started = startLimited((signal) => run({ ...context, signal }), { deadline, clock })
    running.set(request.execution_id, started)
    void started.ended.then(() => running.delete(request.execution_id))
    return started
  }

  async function resultOf(request: ActionRequest, run: LimitedRun): Promise<LocalResult> {
    const { execution_id, action } = request
    const startedMs = clock.monotonic()
    const outcome = await run.outcome
    log.info('action finished', { execution_id, action, status: outcome.status })
    return {
      execution_id,
      ...outputOf(outcome, config.limits.action_output_bytes),
      duration: formatDuration(clock.monotonic() - startedMs),
      finished_at: new Date(clock.now()).toISOString(),
      triggered_by: originOf(request),
    }
  }

  /** While the disk refuses it, it is tried again; once plexd stops, the next start reports the execution as interrupted. */
  async function report(request: ActionRequest, run: LimitedRun): Promise<void> {
    const result = await resultOf(request, run)
    while (!keep(result) && !stopping.signal.aborted)
      await clock.sleep(keepEachMs, stopping.signal).catch(() => {}) // plexd stops: once more
  }

  function keep(result: LocalResult): boolean {
    try {
      outbox.finish(result)
      return true
    } catch (error) {
      log.error('action result cannot be kept', { execution_id: result.execution_id, error })
      return false
    }
  }

  function track<T>(work: Promise<T>): Promise<T> {
    reporting.add(work)
    return work.finally(() => reporting.delete(work))
  }

  function reject({ execution_id, action }: ActionRequest, error: unknown): void {
    const reason = cutUtf8(describeError(error), maxReasonBytes)
    outbox.decide({ execution_id, status: 'rejected', reason })
    log.warn('action rejected', { execution_id, action, reason })
  }

  function accept({ execution_id, action }: ActionRequest): void {
    try {
      outbox.decide({ execution_id, status: 'accepted', reason: '' })
    } catch (error) {
      remote.delete(execution_id)
      throw error
    }
    log.info('action accepted', { execution_id, action })
  }

  /** Resolves when all results are on disk, and if the control plane can be reached, sent. */
  async function drain(): Promise<void> {
    if (reporting.size === 0) return
    const drained = new AbortController()
    const all = Promise.all(reporting).then(() => drained.abort())
    await clock.sleep(drainMs, drained.signal).catch(() => {}) // all have finished
    for (const run of [...remote.values(), ...local.values()])
      run?.end({ status: 'cancelled', words: 'plexd stopped' })
    await all
    for (let waitedMs = 0; outbox.pendingCount() > 0 && waitedMs < sendMs; waitedMs += sendEachMs)
      await clock.sleep(sendEachMs)
  }

  return {
    async request(request) {
      const { execution_id } = request
      if (outbox.repeat(execution_id) || remote.has(execution_id)) return
      const admitted = await admit(request, remote, admission).catch((error: unknown) =>
        reject(request, error),
      )
      if (!admitted) return
      accept(request)
      void track(report(request, start(request, admitted, remote)))
    },
    cancel(executionId) {
      const words = 'cancelled by the control plane'
      remote.get(executionId)?.end({ status: 'cancelled', words })
    },
    async runLocal(request, signal) {
      const { execution_id, action } = request
      refuseLongTimeout(request, config.maxActionMs)
      const admitted = await admit(request, local, admission)
      log.info('action of a local caller accepted', { execution_id, action })
      const run = start(request, admitted, local)
      const cancel = (): void => run.end({ status: 'cancelled', words: 'cancelled by the caller' })
      signal?.addEventListener('abort', cancel, { once: true })
      if (signal?.aborted) cancel()
      return track(resultOf(request, run))
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await drain()
    },
  }
}

function originOf({ triggered_by }: ActionRequest): TriggeredBy {
  return triggered_by ?? { type: 'control_plane' }
}
