import { ApiError } from '@plexd/protocol'
import type { ReportChange } from '../../state/reports/report-store.ts'
import { isTooMuch } from '../verdict.ts'

/** An entry that was written at the control plane by somebody else, and its version there. */
export interface Conflict {
  key: string
  version: number
}

/**
 * How to handle refused changes: retry later, split the batch, continue from the control plane's version,
 * or set them aside until they are written again.
 */
export type Refusal = { todo: 'retry' | 'halve' | 'set aside' } | { todo: 'raise'; of: Conflict[] }

/** Pure. */
export function judgeRefusal(batch: readonly Pick<ReportChange, 'key'>[], error: unknown): Refusal {
  if (isTooMuch(error)) return { todo: batch.length > 1 ? 'halve' : 'retry' }
  if (!isOurFault(error)) return { todo: 'retry' }
  const of = conflictsOf(error).filter(({ key }) => batch.some((change) => change.key === key))
  if (of.length > 0) return { todo: 'raise', of }
  return { todo: batch.length > 1 ? 'halve' : 'set aside' }
}

/** The same request would be refused again, because of its content. */
function isOurFault(error: unknown): boolean {
  if (error instanceof RangeError) return true
  if (!(error instanceof ApiError)) return false
  return error.status >= 400 && error.status < 500 && !aboutUsOrTime.has(error.status)
}

const aboutUsOrTime = new Set([401, 403, 404, 408, 429])

/** The body of a 409 lists the entries with the control plane's versions. */
function conflictsOf(error: unknown): Conflict[] {
  const listed = error instanceof ApiError && error.status === 409 ? error.details?.conflicts : []
  return Array.isArray(listed) ? listed.filter(isConflict) : []
}

function isConflict(value: unknown): value is Conflict {
  const { key, version } = { ...(value as Partial<Conflict> | null) } // any JSON, checked in the next line
  return typeof key === 'string' && Number.isSafeInteger(version)
}
