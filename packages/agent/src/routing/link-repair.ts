/** Something wrong with the interface or its routing, and the command for `ip` that corrects it. */
export interface LinkRepair {
  /** In the past tense, for a drift report: `route 10.100.0.0/16 was missing`. */
  detail: string
  command: string
}
