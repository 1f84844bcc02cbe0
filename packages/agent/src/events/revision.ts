/** Ids of the form `<epoch>-<sequence>`: of events on the stream, and of desired states. Other servers use any text. */

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

/**
 * The revision of a state after an event was folded into it. Empty (pull it all) unless both belong to one log:
 * without that there is no telling whether something lies between them.
 */
export function revisionAfter(revision: string, eventId: string): string {
  const event = parse(eventId)
  return event !== undefined && parse(revision)?.epoch === event.epoch ? eventId : ''
}

function parse(text: string): { epoch: string; sequence: number } | undefined {
  const [, epoch, digits] = /^([A-Za-z0-9]{1,64})-(\d{1,15})$/.exec(text) ?? []
  return epoch === undefined ? undefined : { epoch, sequence: Number(digits) }
}
