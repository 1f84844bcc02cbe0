/** A part of a start during which nothing else runs, and which may take minutes. */
export interface StartStep {
  /** What is done, for who waits. */
  words: string
  /** How long it takes at most. */
  maxMs: number
}

/** Called before each. */
export type OnStep = (step: StartStep) => void

/** Where bytes are read and written once, from a slow disk beside others. */
const bytesPerMs = 1_024
const leastMs = 10 * 60_000

/** How long a step over a file of that size takes at most. */
export function stepMs(bytes: number): number {
  return leastMs + Math.ceil(bytes / bytesPerMs)
}
