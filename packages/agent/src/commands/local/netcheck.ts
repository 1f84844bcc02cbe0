import type { NetworkStatus } from '@plexd/protocol'
import { printable } from '@plexd/runtime'
import { adviceOf, show } from './local.ts'

/** Asks the daemon, because only it can send from WireGuard's port. Exit code 1 if it has no mesh, and so no such port. */
export const runNetcheck = show(
  'check the network',
  (client) => client.checkNetwork({}),
  formatNetwork,
  { ...adviceOf, 409: '' },
)

export function formatNetwork(status: NetworkStatus): string {
  const { public_endpoint, stun_server, nat_type, nat_reason, way, way_reason } = status
  const seenBy = stun_server === '' ? '' : `, as ${stun_server} saw it`
  const facts: [string, string][] = [
    ['public endpoint', public_endpoint === '' ? 'unknown' : `${public_endpoint}${seenBy}`],
    ['NAT type', `${nat_type}: ${nat_reason}`],
    ['local endpoints', status.local_endpoints.join(', ') || 'none'],
    ['asked by', `${way}: ${way_reason}`],
    ['for peers', prospects[nat_type]],
  ]
  return facts.map(([name, value]) => `${`${name}:`.padEnd(17)}${printable(value)}\n`).join('')
}

/** Which NAT pairs WireGuard can traverse (RFC 5128, section 3.3). */
const prospects: Record<NetworkStatus['nat_type'], string> = {
  none: 'reachable directly by all',
  full_cone: 'reachable directly by all',
  restricted: 'reachable directly by all that it speaks to',
  port_restricted: 'reachable directly, but not by peers behind a symmetric NAT',
  symmetric: 'not reachable by peers behind a port-restricted or symmetric NAT',
  unknown: 'not known; peers on public addresses are reached in any case',
}
