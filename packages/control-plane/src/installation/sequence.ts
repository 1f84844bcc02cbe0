/** The numbers of announcements: nodes heed one that is greater than the last. Pure. */

/**
 * How far ahead of our clock a number may be that a node says it heeds. No clock of Linux can be set beyond 2232, so none that was
 * announced is further away, even if our clock is at 1970. A node that lies moves the numbers no further than that, and from there on they grow one by one.
 */
const reachMs = 300 * 365 * 24 * 60 * 60_000

/** Whether a later one can be announced than what a node says it heeds. */
export function isInReach(heeded: number, nowMs: number): boolean {
  return heeded <= nowMs + reachMs
}

/**
 * The number of the next announcement: later than the last, and than what nodes heed of announcements that are not known any more.
 * It is the time where that is greater, for nodes that cannot say what they heed.
 */
export function nextSequence(
  last: number,
  { heeded, nowMs }: { heeded: readonly number[]; nowMs: number },
): number {
  const inReach = heeded.filter((one) => isInReach(one, nowMs))
  const latest = inReach.reduce((one, other) => Math.max(one, other), last)
  return Math.max(latest + 1, nowMs)
}

/** The last announcement that is known here, and our time. */
export interface Announced {
  sequence: number
  nowMs: number
}

/** Why a node ignores what is announced: it heeds something later. Undefined if it does not. */
export function whyAhead(
  heeded: number | undefined,
  { sequence, nowMs }: Announced,
): string | undefined {
  if (heeded === undefined || heeded <= sequence) return undefined
  const what = `it heeds announcement ${heeded}, which is later than the last one here, ${sequence}`
  return isInReach(heeded, nowMs)
    ? `${what}, as after a restore of an older backup: within the hour it is told anew`
    : `${what}, and than any to come: if that is right, stop plexd there, remove announcement.json from its data folder, and start it`
}
