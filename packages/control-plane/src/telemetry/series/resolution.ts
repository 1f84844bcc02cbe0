import { slotMs } from './hours/place.ts'

/** How fine a series is read: from the points as nodes sent them, or from what is kept of five minutes. */
export interface Resolution {
  source: 'points' | 'series'
  stepMs: number
}

/** Of most nodes, between two points. */
const pointMs = 15_000
/** As many as a chart has room for. */
const wantedSteps = 240
/** Points that are read for one answer: some seconds of work. */
export const maxPoints = 200_000
/** The same of hours of nodes. */
export const maxHours = 100_000
/** Points of nodes are asked for as long as these would be too coarse. */
const fineRangeMs = 6 * 3_600_000

export interface RangeAsked {
  rangeMs: number
  nodes: number
  /** Undefined to choose one. */
  stepMs: number | undefined
}

/** Pure. Undefined for a step that is finer than all these nodes can be read in such a time. */
export function resolutionOf({ rangeMs, nodes, stepMs }: RangeAsked): Resolution | undefined {
  const readsPoints = (nodes * rangeMs) / pointMs <= maxPoints
  if (stepMs !== undefined && stepMs < slotMs)
    return readsPoints ? { source: 'points', stepMs } : undefined
  if (stepMs !== undefined) return { source: 'series', stepMs: roundUp(stepMs, slotMs) }
  const isFine = rangeMs <= fineRangeMs && readsPoints
  return isFine
    ? { source: 'points', stepMs: Math.max(pointMs, roundUp(rangeMs / wantedSteps, pointMs)) }
    : { source: 'series', stepMs: Math.max(slotMs, roundUp(rangeMs / wantedSteps, slotMs)) }
}

function roundUp(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs
}
