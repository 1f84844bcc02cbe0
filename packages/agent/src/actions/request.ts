import { type AcceptedPayload, formatDuration, parseDuration } from '@plexd/protocol'

export type ActionRequest = AcceptedPayload<'action_request'>

/** How long an action may run, and what is said of it when it has run so long. */
export interface Deadline {
  timeoutMs: number
  words: string
}

/** The requested timeout, capped by the node's limit; `presetMs` if there is none, or an invalid one. */
export function deadlineOf(
  request: ActionRequest,
  { presetMs, maxMs }: { presetMs: number; maxMs: number },
): Deadline {
  const askedMs = readTimeout(request.timeout) ?? presetMs
  const timeoutMs = Math.min(askedMs, maxMs)
  const words = `no result after ${formatDuration(timeoutMs)}`
  if (askedMs === timeoutMs) return { timeoutMs, words }
  const asked = formatDuration(askedMs)
  return { timeoutMs, words: `${words}, which is "actions.max_timeout" (asked for: ${asked})` }
}

/** Throws a RangeError for a timeout that would be capped: a caller who is there can ask for another. */
export function refuseLongTimeout({ timeout }: ActionRequest, maxMs: number): void {
  if ((readTimeout(timeout) ?? 0) <= maxMs) return
  throw new RangeError(
    `timeout "${timeout}": want at most "actions.max_timeout", which is ${formatDuration(maxMs)}`,
  )
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
