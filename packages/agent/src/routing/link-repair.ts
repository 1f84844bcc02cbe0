/** Something about the interface that is not as it should be, and what `ip` must be told. */
export interface LinkRepair {
  /** In the past tense, for a drift report: `route 10.100.0.0/16 was missing`. */
  detail: string
  command: string
}
