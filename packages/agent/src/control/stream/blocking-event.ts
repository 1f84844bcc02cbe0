/**
 * The event whose handler failed, and which therefore blocks all later ones. There is at most one: the stream is reopened before it, and the later events
 * are handled once it succeeds or is skipped.
 */
export interface BlockingEvent {
  eventId: string
  failures: number
}

/** After this long a failing event is skipped, so that it does not block others forever. */
const maxFailures = 5

/** The outcome of the first unacknowledged event, which decides for those behind it. Pure. */
export function afterOutcome(
  blocking: BlockingEvent | undefined,
  { eventId, error }: { eventId: string; error?: unknown },
): { verdict: 'handled' | 'skipped' | 'blocking'; blocking: BlockingEvent | undefined } {
  const isSame = blocking?.eventId === eventId
  if (error === undefined) return { verdict: 'handled', blocking: isSame ? undefined : blocking }
  const failures = isSame ? blocking.failures + 1 : 1
  if (failures >= maxFailures) return { verdict: 'skipped', blocking: undefined }
  return { verdict: 'blocking', blocking: { eventId, failures } }
}
