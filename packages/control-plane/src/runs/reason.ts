import type { Progress } from './decide.ts'
import { isOver } from './decide.ts'

/** Why no further node begins, or how it ended; empty when there is nothing to say. */
export function reasonOf(run: Progress & { skipped: number }): string {
  const { stop, state, failed, succeeded, max_failures, canary, waiting } = run
  const others = waiting === 0 ? '' : `, and ${nodes(waiting)} did not begin`
  switch (stop) {
    case 'cancelled':
      return `an operator cancelled it${others}`
    case 'failures':
      return `${nodes(failed)} failed, and max_failures is ${max_failures}${others}`
    case 'canary':
      return canary === 1
        ? `the canary failed${others}`
        : `${failed} of the first ${nodes(canary)} failed${others}`
    case 'expired':
      return `it expired${others}`
    case null:
      if (!isOver(state)) return ''
      if (failed > 0) return `${nodes(failed)} failed`
      return succeeded > 0 ? '' : 'every node was skipped'
  }
}

function nodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`
}
