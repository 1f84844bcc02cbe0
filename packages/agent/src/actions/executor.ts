import {
  type AcceptedPayload,
  type ExecutionResult,
  formatDuration,
  parseDuration,
} from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { ExecutionOutbox } from '../control/execution-outbox.ts'
import type { Action, ActionContext, ActionOutput } from './define.ts'
import { truncateOutput } from './output.ts'

export type ActionRequest = AcceptedPayload<'action_request'>

/** Runs the actions that the control plane requests. Disposing cancels running ones, and reports them as cancelled. */
export interface ActionExecutor extends AsyncDisposable {
  /** Resolves when the decision (accepted, or rejected with a reason) is durable, not when the action has run. */
  request(request: ActionRequest): Promise<void>
}

export interface ExecutorDeps {
  config: Pick<AgentConfig, 'actionsEnabled' | 'maxConcurrentActions' | 'maxActionMs' | 'limits'>
  actions: readonly Action[]
  outbox: Pick<ExecutionOutbox, 'decide' | 'finish' | 'repeat'>
  clock: Clock
  log: Log
}

type Run = (context: ActionContext) => Promise<ActionOutput>

export function createActionExecutor(deps: ExecutorDeps): ActionExecutor {
  const { config, outbox, clock, log } = deps
  const actions = new Map(deps.actions.map((action) => [action.name, action]))
  const running = new Set<Promise<void>>()
  const stopping = new AbortController()

  /** The action, or the reason for rejecting it: one of the wire contract's, or `invalid_parameters`. */
  function admit(request: ActionRequest): { run: Run } | { reason: string } {
    if (!config.actionsEnabled) return { reason: 'actions_disabled' }
    if (stopping.signal.aborted) return { reason: 'shutting_down' }
    const action = actions.get(request.action)
    if (!action) return { reason: 'unknown_action' }
    if (running.size >= config.maxConcurrentActions) return { reason: 'max_concurrent_reached' }
    try {
      return { run: action.prepare(request.parameters ?? {}) }
    } catch (error) {
      return { reason: `invalid_parameters: ${describeError(error)}` }
    }
  }

  async function execute(request: ActionRequest, run: Run): Promise<void> {
    const startedMs = clock.monotonic()
    const outcome = await limited(run, timeoutOf(request))
    outbox.finish({
      execution_id: request.execution_id,
      ...outcome,
      stdout: truncateOutput(outcome.stdout, config.limits.action_output_bytes),
      stderr: truncateOutput(outcome.stderr, config.limits.action_output_bytes),
      duration: formatDuration(clock.monotonic() - startedMs),
      finished_at: new Date(clock.now()).toISOString(),
      triggered_by: request.triggered_by ?? { type: 'control_plane' },
    })
    log.info('action finished', {
      execution_id: request.execution_id,
      action: request.action,
      status: outcome.status,
    })
  }

  /** An action that ignores its signal is abandoned. */
  async function limited(run: Run, timeoutMs: number): Promise<ActionOutput & StatusOf> {
    const deadline = new AbortController()
    const signal = AbortSignal.any([deadline.signal, stopping.signal])
    const timeUp = clock.sleep(timeoutMs, signal).then(
      () => deadline.abort(),
      () => {}, // the action finished first, or plexd is stopping
    )
    try {
      const output = await Promise.race([run({ signal }), rejectOnAbort(signal)])
      return { ...output, status: output.exit_code === 0 ? 'success' : 'failure' }
    } catch (error) {
      if (stopping.signal.aborted) return failed('cancelled', 'plexd stopped')
      if (deadline.signal.aborted) {
        return failed('timeout', `no result after ${formatDuration(timeoutMs)}`)
      }
      return failed('failure', describeError(error))
    } finally {
      deadline.abort()
      await timeUp
    }
  }

  /** The requested timeout, capped by our limit; an invalid one counts as absent. */
  function timeoutOf({ action, timeout }: ActionRequest): number {
    const presetMs = actions.get(action)?.timeoutMs ?? config.maxActionMs
    return Math.min(readTimeout(timeout) ?? presetMs, config.maxActionMs)
  }

  return {
    async request(request) {
      const { execution_id, action } = request
      if (outbox.repeat(execution_id)) return
      const decision = admit(request)
      if ('reason' in decision) {
        outbox.decide({ execution_id, status: 'rejected', reason: decision.reason })
        log.warn('action rejected', { execution_id, action, reason: decision.reason })
        return
      }
      outbox.decide({ execution_id, status: 'accepted', reason: '' })
      log.info('action accepted', { execution_id, action })
      const work = execute(request, decision.run).catch((error: unknown) => {
        // The disk refused the result; the next start reports the execution as interrupted.
        log.error('action result cannot be kept', { execution_id, error })
      })
      running.add(work)
      void work.finally(() => running.delete(work))
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

type StatusOf = Pick<ExecutionResult, 'status'>

function failed(status: ExecutionResult['status'], stderr: string): ActionOutput & StatusOf {
  return { status, exit_code: 1, stdout: '', stderr: `${stderr}\n` }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function readTimeout(text: string | undefined): number | undefined {
  if (!text) return undefined
  try {
    const ms = parseDuration(text)
    return ms > 0 ? ms : undefined
  } catch {
    return undefined
  }
}
