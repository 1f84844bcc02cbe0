import { type AcceptedPayload, parseDuration } from '@plexd/protocol'

export type ActionRequest = AcceptedPayload<'action_request'>

/** The requested timeout, capped by the node's limit; `presetMs` if there is none, or an invalid one. */
export function timeoutOf(
  { timeout }: ActionRequest,
  { presetMs, maxMs }: { presetMs: number; maxMs: number },
): number {
  return Math.min(readTimeout(timeout) ?? presetMs, maxMs)
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
