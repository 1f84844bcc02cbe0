import { ApiError } from '@plexd/protocol'
import { wishedWaitMs } from '@plexd/runtime'
import { ForeignAnswer, isFinal, isRefusal } from './client/failure.ts'

/**
 * What to do after a failed request: `halve` what it sent, because there is too much in it or something bad; `refuse` it, because it
 * will never be accepted; `pass` it by for now, because others may get through; or `stop`, because none would.
 */
export type Verdict = 'halve' | 'refuse' | 'pass' | 'stop'

/** Pure. `count`: how many items the request sent. */
export function judgeFailure(count: number, error: unknown): Verdict {
  if (count > 1 && (isFinal(error) || isTooMuch(error))) return 'halve'
  return isFinal(error) ? 'refuse' : judgeTemporary(error)
}

/** For a failure that may be over later. */
export function judgeTemporary(error: unknown): Verdict {
  // A filter in between may block only this one.
  if (error instanceof ForeignAnswer) return 'pass'
  const isAboutAll =
    !(error instanceof ApiError) ||
    isRefusal(error) ||
    error.status === 429 ||
    wishedWaitMs(error) !== undefined
  return isAboutAll ? 'stop' : 'pass'
}

/** A proxy may have a lower limit than the control plane; that says nothing about the items. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof ForeignAnswer && error.status === 413
}
