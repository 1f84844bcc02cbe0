import { errorOf, type TransportResponse } from '@plexd/protocol'
import { printable, wishedWaitMs } from '@plexd/runtime'

/** What an answer means for the records that were sent. */
export type Verdict =
  /** `refused` of them were not taken. */
  | { type: 'sent'; refused: number; why?: string }
  | { type: 'refused'; why: string }
  /** To be sent again, not before the time that the target asks for. */
  | { type: 'later'; why: string; afterMs?: number }
  /** To be sent in smaller parts. */
  | { type: 'too_large'; why: string }

/** How a protocol answers, by its specification. */
export interface AnswerRules {
  /** Whether what was answered with this status is to be sent again. */
  isForLater(status: number): boolean
  judgeSuccess(body: string): Verdict
}

export const otlpAnswers: AnswerRules = {
  isForLater: (status) => [429, 502, 503, 504].includes(status),
  judgeSuccess: judgePartial,
}

/** Of Loki and of remote write. */
export const plainAnswers: AnswerRules = {
  isForLater: (status) => status === 429 || status < 400 || status >= 500,
  judgeSuccess: () => taken,
}

/** Pure. */
export function judgeAnswer(
  { isForLater, judgeSuccess }: AnswerRules,
  answer: TransportResponse,
): Verdict {
  const { status, body } = answer
  if (status >= 200 && status < 300) return judgeSuccess(body)
  const text = printable(body.trim().slice(0, 300))
  const why = `it answered ${status}${text === '' ? '' : `: ${text}`}`
  if (status === 413) return { type: 'too_large', why }
  if (!isForLater(status)) return { type: 'refused', why }
  const afterMs = wishedWaitMs(errorOf(answer))
  return { type: 'later', why, ...(afterMs === undefined ? {} : { afterMs }) }
}

const taken: Verdict = { type: 'sent', refused: 0 }

interface Partial {
  partialSuccess?: {
    rejectedDataPoints?: string | number
    rejectedLogRecords?: string | number
    errorMessage?: string
  }
}

/** OTLP tells in a success what it has not taken. A text that is not its JSON tells nothing. */
function judgePartial(body: string): Verdict {
  try {
    const { partialSuccess = {} } = JSON.parse(body) as Partial // what it is has no other sign
    const { rejectedDataPoints, rejectedLogRecords, errorMessage = '' } = partialSuccess
    const refused = Number(rejectedDataPoints ?? rejectedLogRecords ?? 0)
    if (!(refused > 0)) return taken
    const why = `it took all but ${refused}: ${printable(errorMessage.slice(0, 300))}`
    return { type: 'sent', refused, why }
  } catch {
    return taken
  }
}
