import type { Generated } from 'kysely'

/** How far telemetry was passed on. */
export interface ForwardTables {
  /** How far records of a kind were passed on to a target, by its name in the settings. */
  forwards: {
    name: string
    kind: string
    /** A cursor of the telemetry store. */
    position: string
    /** Log records, or values of metrics. */
    sent: Generated<number>
    refused: Generated<number>
    /** Records that were kept no longer before they could be sent. */
    removed: Generated<number>
    sent_at: number | null
    /** Why what was sent last was not taken; null if it was. */
    error: string | null
    error_at: number | null
  }
}
