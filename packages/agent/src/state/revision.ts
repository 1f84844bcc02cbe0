/**
 * Ids of the form `<epoch>-<sequence>`, and what our control plane adds to it, `<epoch>-<sequence>-<life>`: of events on
 * the stream, and of desired states. Other servers use any text. What of another life is ours no longer, after a backup
 * was restored, is for the control plane to say: it is told our state when the stream is opened.
 */

/** Whether a state of this revision has the event's effect in it already. Unknown forms are never covered. */
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

/** Whether a state is surely older than another one: both are of one life. */
export function isBefore(revision: string, other: string): boolean {
  const [state, later] = [parse(revision), parse(other)]
  if (state?.epoch !== later?.epoch || state?.life !== later?.life) return false
  return state !== undefined && later !== undefined && state.sequence < later.sequence
}

/**
 * The revision of a state after an event was folded into it. Empty (pull it all) unless both belong to one log:
 * without that there is no telling whether something lies between them.
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
