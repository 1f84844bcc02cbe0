/** What has become of a request at one of several control planes. */
export type Outcome =
  /** Somebody who serves has answered, be it by a refusal. */
  | 'answered'
  /** A control plane says that it does not serve now, so nothing was done. */
  | 'waiting'
  /** The connection did not come about, so nothing was sent. */
  | 'unsent'
  /** It was sent, and no answer has come. */
  | 'lost'

export interface Situation {
  outcome: Outcome
  /** It changes nothing, and may be sent as often as one likes. */
  isRead: boolean
  /** Control planes that it was not sent to yet. */
  left: number
}

/** `unknown`: it may be done, and nobody may do it again without looking. */
export type Choice = 'take' | 'next' | 'fail' | 'unknown'

/** What to do now. Pure. */
export function choose({ outcome, isRead, left }: Situation): Choice {
  if (outcome === 'answered') return 'take'
  if (outcome === 'lost' && !isRead) return 'unknown'
  return left > 0 ? 'next' : 'fail'
}
