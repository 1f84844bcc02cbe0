/** The log of changes. */
export interface LogTables {
  /** The commit log, which is also the outbox. Unsigned; `audience` contains the recipients' numbers, encoded as in audience.ts. */
  events: {
    seq: number
    event_id: string
    /** Empty, like the neighbouring columns, if the change notified nobody. */
    event_type: string
    audience: Uint8Array
    payload: string
    created_at: number
    /** The other changes of the unit of work, in the row of its first event: JSON list of noun and id. */
    changes: string | null
  }
  /** Runs of the control plane that wrote events; runs undone by a restored backup are missing. */
  lives: {
    id: string
    first_seq: number
  }
}
