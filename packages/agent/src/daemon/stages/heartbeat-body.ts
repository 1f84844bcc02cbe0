import type { HeartbeatRequest } from '@plexd/protocol'
import { version } from '../../version.ts'
import { type StatusSources, upgradeOf, uptimeOf } from './status.ts'

/** The body of a heartbeat. Without the problem that heartbeats fail, which is over when this one arrives. */
export function describeHeartbeat(
  sources: StatusSources,
  binary_checksum: string,
): HeartbeatRequest {
  const { mesh, problems, desired, config, clock } = sources
  const heeded = sources.installation?.heeded()
  const failing = problems.list('heartbeat').slice(0, 16).map(shorten)
  return {
    node_id: sources.identity?.node_id ?? '',
    timestamp: new Date(clock.now()).toISOString(),
    status: failing.length === 0 ? 'healthy' : 'degraded',
    ...(failing.length === 0 ? {} : { problems: failing }),
    uptime: uptimeOf(sources),
    version,
    ...upgradeOf(sources),
    binary_checksum,
    ...(heeded ? { heeded } : {}),
    ...(mesh.disabledBecause === undefined
      ? {
          mesh: {
            interface: mesh.interfaceName,
            peer_count: desired.current().peers.length,
            listen_port: config.meshPort,
          },
        }
      : {}),
  }
}

/** The control plane truncates it to this length. */
function shorten(text: string): string {
  return text.length > 512 ? `${text.slice(0, 511)}…` : text
}
