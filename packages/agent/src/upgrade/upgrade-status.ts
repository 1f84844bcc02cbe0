import { type ExecutionResult, formatDuration, type UpgradeStatus } from '@plexd/protocol'
import type { UpgradeOutcome, VersionState } from './version-state.ts'

/** For the status and heartbeats; undefined if there was no upgrade. */
export function describeUpgrade(state: VersionState | undefined): UpgradeStatus | undefined {
  const { candidate, outcome } = state ?? {}
  if (candidate)
    return {
      version: candidate.version,
      from: candidate.from,
      status: 'on_trial',
      reason: candidate.lacks,
      at: timestamp(candidate.asked_ms),
    }
  return (
    outcome && {
      version: outcome.version,
      from: outcome.from,
      status: outcome.status,
      reason: outcome.reason,
      at: timestamp(outcome.ended_ms),
    }
  )
}

/** While an upgrade was rolled back and nothing was done about it. */
export function describeRollback(state: VersionState | undefined): string | undefined {
  const outcome = state?.outcome
  if (outcome?.status !== 'rolled_back') return undefined
  const { version, from, reason } = outcome
  return `plexd ${version} was rolled back to ${from}: ${reason}: run service.upgrade with a version that works, or with ${from} to stay with that`
}

/** The result of the action that asked for the upgrade. */
export function resultOf(outcome: UpgradeOutcome): ExecutionResult & { execution_id: string } {
  const { version, from, status, reason, execution_id, triggered_by, asked_ms, ended_ms } = outcome
  const isDone = status === 'confirmed'
  return {
    execution_id,
    status: isDone ? 'success' : 'failure',
    exit_code: isDone ? 0 : 1,
    stdout: isDone ? `plexd ${version} runs in place of ${from}\n` : '',
    stderr: isDone ? '' : `plexd ${version} was rolled back to ${from}: ${reason}\n`,
    duration: formatDuration(Math.max(0, ended_ms - asked_ms)),
    finished_at: timestamp(ended_ms),
    triggered_by,
  }
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}
