/** Why something does not do, and what to do about it. */
export interface Fault {
  reason: string
  remedy: string
}
