import type { Instruments } from './instruments.ts'

/** How the fleet is now. */
export interface FleetCounts {
  streams(): number
  relays(): number
  /** How many nodes there are in each status. */
  nodes(): ReadonlyMap<string, number>
  /** How many alerts are open, by state and severity with a space between. */
  alerts(): ReadonlyMap<string, number>
  /** How many nodes run a binary that was judged so. */
  binaries(): Promise<ReadonlyMap<string, number>>
}

/** Takes over what is counted at the moment. */
export function createFleetGauges({ gauge }: Instruments): (counts: FleetCounts) => Promise<void> {
  const streams = gauge('plexd_event_streams_open', 'Open event streams of nodes')
  const relays = gauge(
    'plexd_session_relays_open',
    'Relayed sessions whose two sides are connected',
  )
  const nodes = gauge('plexd_nodes', 'Nodes by status', 'status')
  const binaries = gauge(
    'plexd_node_binaries',
    'Nodes by what their binary is: verified, mismatch, or unknown if nobody has said what its version is',
    'state',
  )
  const alerts = gauge('plexd_alerts', 'Alerts that are not resolved', 'state', 'severity')
  return async (counts) => {
    streams.set(counts.streams())
    relays.set(counts.relays())
    for (const [status, count] of counts.nodes()) nodes.set({ status }, count)
    alerts.reset()
    for (const [key, count] of counts.alerts()) {
      const [state = '', severity = ''] = key.split(' ')
      alerts.set({ state, severity }, count)
    }
    for (const [state, count] of await counts.binaries()) binaries.set({ state }, count)
  }
}
