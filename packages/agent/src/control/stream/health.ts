import type { Problems } from '../../health/problems.ts'
import type { Vitals } from '../../health/vitals.ts'
import { describeRefusal, isRefusal } from '../client/failure.ts'

/** After this long without a stream, only the reconciler's pulls keep the node up to date. */
const pollingAfterMs = 5 * 60_000

export interface StreamDown {
  /** What ended the last connection; undefined if the server closed it normally. */
  error: unknown
  /** The same in words. */
  reason: string
  /** Since the last connection was open. */
  downMs: number
}

/** What a missing stream means for the node. Pure. */
export function judgeDown({ error, reason, downMs }: StreamDown): {
  stream: Vitals['stream']
  problem?: Parameters<Problems['set']>
} {
  if (isRefusal(error)) return { stream: 'refused', problem: ['refused', describeRefusal(reason)] }
  if (downMs <= pollingAfterMs) return { stream: 'connecting' }
  const minutes = Math.round(downMs / 60_000)
  const why = error === undefined ? 'the server closes it' : reason
  return {
    stream: 'polling',
    problem: ['stream', `no event stream for ${minutes} min, polling instead: ${why}`],
  }
}
