/** Which of several addresses of the control plane is asked. Pure: addresses are numbers, in the order of the settings. */
export interface Course {
  readonly count: number
  /** Where the next request goes. */
  readonly inUse: number
  /** How often `inUse` was left. */
  readonly turn: number
}

/** A request at one address. `turn` is that of the course when it began. */
export interface Attempt {
  at: number
  turn: number
}

/** One that got no answer. `soon`: a control plane is there, and may serve in a moment. */
export interface Failed extends Attempt {
  soon: boolean
}

export const startOf = (count: number): Course => ({ count, inUse: 0, turn: 0 })

/** The turn of an attempt that says nothing of the address in use. */
export const longAgo = -1

export const attemptAt = ({ turn }: Course, at: number): Attempt => ({ at, turn })

/**
 * After the last of `tried`, the failures of one request: the course of all requests, and where this one goes on; nowhere once it was
 * everywhere. Who has seen the address in use fail moves everybody, once: what began before somebody moved says nothing
 * of the address that is in use now. After a whole round the one that may serve soon is the next.
 */
export function afterFailure(
  course: Course,
  tried: readonly Failed[],
): { course: Course; next: number | undefined } {
  const last = tried.at(-1)
  const sawIt = last !== undefined && last.turn === course.turn && last.at === course.inUse
  const from = sawIt ? (last.at + 1) % course.count : course.inUse
  const next = inOrderFrom(course, from).find((at) => tried.every((one) => one.at !== at))
  if (!sawIt) return { course, next }
  const inUse = next ?? tried.findLast(({ soon }) => soon)?.at ?? from
  return { course: { ...course, inUse, turn: course.turn + 1 }, next }
}

function inOrderFrom({ count }: Course, from: number): number[] {
  return Array.from({ length: count }, (_, step) => (from + step) % count)
}
