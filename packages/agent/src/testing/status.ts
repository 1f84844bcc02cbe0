import { type DaemonStatus, noCounts } from '@plexd/protocol'
import type { Static } from 'typebox'

/** Of a daemon that works, with a mesh. */
export function aStatus(
  changes: Partial<Static<typeof DaemonStatus>> = {},
): Static<typeof DaemonStatus> {
  return {
    version: '1.0.0',
    pid: 1,
    node_id: 'n_self',
    hostname: 'self',
    mesh_ip: '10.100.0.1',
    uptime: '1s',
    control_plane: {
      url: 'https://cp.example.com',
      stream: 'connected',
      stream_connects: 0,
      last_event_id: '',
      last_heartbeat_at: null,
      last_reconcile_at: null,
      last_error: '',
      clock_skew_seconds: 0,
    },
    revision: '',
    mesh: { enabled: true, interface: 'plexd0', backend: 'fake', peers: 0 },
    counts: noCounts,
    problems: [],
    ...changes,
  }
}
