/**
 * Ids of the form `<epoch>-<sequence>`, or our control plane's `<epoch>-<sequence>-<life>`: of events on
 * the stream, and of desired states. Other servers use any text. Only the control plane can tell whether another life
 * is still valid after a restored backup: it gets our revision when the stream is opened.
 */

/** Whether a state of this revision already contains the event. Never for unknown forms. */
export function isCovered(eventId: string, revision: string): boolean {
  const event = parse(eventId)
  const state = parse(revision)
  return (
    event !== undefined &&
    state !== undefined &&
    event.epoch === state.epoch &&
    event.sequence <= state.sequence
  )
}

/** Whether a state is certainly older than another one: both must be of one life. */
export function isBefore(revision: string, other: string): boolean {
  const [state, later] = [parse(revision), parse(other)]
  if (state?.epoch !== later?.epoch || state?.life !== later?.life) return false
  return state !== undefined && later !== undefined && state.sequence < later.sequence
}

/**
 * The revision of a state after an event was folded into it. Empty (pull unconditionally) unless both belong to one log:
 * otherwise there may be unknown events in between.
 */
export function revisionAfter(revision: string, eventId: string): string {
  const event = parse(eventId)
  return event !== undefined && parse(revision)?.epoch === event.epoch ? eventId : ''
}

interface Position {
  epoch: string
  sequence: number
  life: string | undefined
}

function parse(text: string): Position | undefined {
  const [, epoch, digits, life] =
    /^([A-Za-z0-9]{1,64})-(\d{1,15})(?:-([A-Za-z0-9]{1,64})(?:-c)?)?$/.exec(text) ?? []
  return epoch === undefined ? undefined : { epoch, sequence: Number(digits), life }
}
