import type { DaemonStatus } from '@plexd/protocol'
import type { Static } from 'typebox'

/** The state of the loops, as `plexd status` shows it. Each field is written by one loop. */
export type Vitals = Omit<
  Static<typeof DaemonStatus>['control_plane'],
  'url' | 'proxy' | 'clock_skew_seconds'
> & {
  /** Rejected events since the start, by reason. */
  refused: Map<string, number>
}

export function createVitals(): Vitals {
  return {
    stream: 'stopped',
    stream_connects: 0,
    last_event_id: '',
    last_heartbeat_at: null,
    last_reconcile_at: null,
    last_error: '',
    refused: new Map(),
  }
}
