import type { Reading } from './conditions/facts.ts'

/** How an alert stands that is not resolved. */
export interface Standing {
  state: 'pending' | 'firing'
  sinceMs: number
  /** Of a firing one: since when its condition does not hold any more. */
  clearSinceMs?: number | undefined
}

export interface Timing {
  nowMs: number
  forMs: number
  keepFiringMs: number
}

/**
 * What becomes of an alert by one look at its condition; undefined if it is over, or does not begin. Pure.
 * What is not known has not held, so a pending alert ends; but it has not cleared either, so a firing one stays.
 */
export function decide(
  before: Standing | undefined,
  is: Reading['is'],
  timing: Timing,
): Standing | undefined {
  if (before?.state === 'firing') return decideFiring(before, is, timing)
  if (is !== 'holds') return undefined
  // The clock may have been set back.
  const sinceMs = Math.min(before?.sinceMs ?? timing.nowMs, timing.nowMs)
  const state = timing.nowMs - sinceMs >= timing.forMs ? 'firing' : 'pending'
  return { state, sinceMs }
}

function decideFiring(
  { sinceMs, clearSinceMs: before }: Standing,
  is: Reading['is'],
  { nowMs, keepFiringMs }: Timing,
): Standing | undefined {
  const firing = { state: 'firing', sinceMs } as const
  if (is === 'holds') return firing
  if (is === 'unknown') return { ...firing, clearSinceMs: before }
  const clearSinceMs = Math.min(before ?? nowMs, nowMs)
  return nowMs - clearSinceMs >= keepFiringMs ? undefined : { ...firing, clearSinceMs }
}
