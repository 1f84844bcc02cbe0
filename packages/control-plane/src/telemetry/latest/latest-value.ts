/** The last value of a metric, or of one of its series, of one node. */
export interface LatestValue {
  value: number
  /** When it was measured, by the clock of the node, but never later than it came. */
  atMs: number
}
