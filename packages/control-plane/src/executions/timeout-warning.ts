import { type Capabilities, formatDuration, parseDuration } from '@plexd/protocol'

/** What an operator should know who has asked for this timeout: that the node ends the action before. Pure. */
export function timeoutWarnings(
  timeout: string,
  { max_timeout = '' }: Pick<Capabilities, 'max_timeout'>,
): string[] {
  const maxMs = readMs(max_timeout)
  if (maxMs === undefined || parseDuration(timeout) <= maxMs) return []
  return [
    `the node ends it after ${formatDuration(maxMs)}, which is its "actions.max_timeout", and not after ${timeout}`,
  ]
}

/** Undefined for what is no duration: it is a node that says it. */
function readMs(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch {
    return undefined
  }
}
