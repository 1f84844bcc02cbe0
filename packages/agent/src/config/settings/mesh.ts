import { formatCidr, parseCidr } from '@plexd/protocol'
import { setting } from './setting.ts'
import { parseStunServer } from './stun-server.ts'
import { count, duration, flag, oneOf, text } from './values.ts'

/** The interface, what it lets pass, and how the node is found. */
export const meshSettings = {
  meshEnabled: setting(true, flag, {
    keys: ['mesh.enabled'],
    flag: '--mesh',
    off: 'leave the network alone, from now on',
    help: 'bring up the mesh, as is the rule; ends an earlier --no-mesh',
  }),
  meshInterface: setting('plexd0', interfaceName, {
    keys: ['mesh.interface', 'wireguard.interfacename'],
    help: 'name of the mesh interface',
  }),
  meshPort: setting(51_820, count(1, 65_535), {
    keys: ['mesh.listen_port', 'wireguard.listenport'],
    help: 'UDP port of WireGuard',
  }),
  meshMtu: setting<number | undefined>(undefined, count(576, 9_000), {
    keys: ['mesh.mtu', 'wireguard.mtu'],
    help: 'of the mesh interface, in bytes; what fits into 1500 by default',
  }),
  meshRanges: setting<readonly string[] | undefined>(undefined, cidrs, {
    keys: ['mesh.range'],
    help: 'the only ranges that the mesh may have (CIDR), one or a list; what the control plane says by default',
  }),
  meshForeignAllowedIps: setting(false, flag, {
    keys: ['mesh.foreign_allowed_ips'],
    help: 'whether peers may have addresses outside the mesh',
  }),
  policyEnabled: setting(true, flag, {
    keys: ['policy.enabled'],
    help: 'filter packets on the mesh; without, every peer reaches every port',
  }),
  policyDefault: setting('deny', oneOf('allow', 'deny'), {
    keys: ['policy.default'],
    help: 'for flows that no rule is about: allow or deny',
  }),
  policyLogDenied: setting(false, flag, {
    keys: ['policy.log_denied'],
    help: 'have the kernel log denied packets',
  }),
  natEnabled: setting(true, flag, {
    keys: ['nat_traversal.enabled', 'nat.enabled'],
    help: 'ask STUN servers where this node is seen',
  }),
  stunServers: setting<readonly string[] | undefined>(undefined, stunServers, {
    keys: ['nat_traversal.stun_servers', 'nat.stunservers'],
    help: 'a list of HOST[:PORT], in the order of preference; those that the control plane names, or that of its host, then public ones by default',
  }),
  natRefreshMs: setting(60_000, duration(10_000), {
    keys: ['nat_traversal.refresh_interval', 'nat.refreshinterval'],
    help: 'how often STUN servers are asked',
  }),
}

/** Accepted by the kernel, and safe in a command line. */
function interfaceName(value: unknown): string {
  const name = text(value)
  if (/^(?!\.)[A-Za-z0-9_.-]{1,15}$/.test(name)) return name
  throw new RangeError('want 1 to 15 letters, digits, dashes, dots and underscores')
}

/** IPv4 ranges: one, or a list. */
function cidrs(value: unknown): string[] {
  const ranges = [value].flat().map((one) => formatCidr(parseCidr(text(one))))
  if (ranges.length === 0) throw new RangeError('want a range, such as 10.100.0.0/16, or several')
  return ranges
}

/** A list of `host[:port]`. */
function stunServers(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError('want a list of "host:port"')
  return value.map((item: unknown) => {
    const server = text(item)
    parseStunServer(server)
    return server
  })
}
