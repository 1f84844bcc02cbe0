/**
 * The event whose handler failed, which holds up all that follow it. There is one at most: the stream is opened again from before it, so those behind
 * it have their turn when it is handled or skipped.
 */
export interface BlockingEvent {
  eventId: string
  failures: number
}

/** An event whose handler keeps failing must not hold up others for ever. */
const maxFailures = 5

/** What became of an event, the first of those that are not acknowledged yet, and so of those behind it. Pure. */
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
