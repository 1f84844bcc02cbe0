import type { Cidr } from '@plexd/protocol'
import type { Manager } from './chain-manager.ts'
import type { Probe } from './packet-match.ts'

export interface MeshTraffic {
  interface: string
  wireguardPort: number
  /** Undefined if unknown. */
  meshRanges: readonly Cidr[] | undefined
  /** The interface of the default route; undefined if unknown. */
  uplink?: string | undefined
}

/** One kind of packets of the mesh on this machine. */
export interface Passage {
  hook: 'input' | 'output'
  probes: readonly Probe[]
  /** What a chain that drops them does. */
  fault: string
  /** What each manager must be told so that they pass. */
  admit: Readonly<Record<Manager, string>>
}

export function passagesOf(traffic: MeshTraffic): Passage[] {
  return [...inbound(traffic), ...outbound(traffic)]
}

function inbound(traffic: MeshTraffic): Passage[] {
  const { interface: mesh, wireguardPort: port } = traffic
  return [
    {
      hook: 'input',
      probes: fromPeers(traffic),
      fault: `drops what peers send: nothing in it admits ${mesh}, so that what policy allows does not arrive; policy alone may decide there`,
      admit: {
        ufw: `allow in on ${mesh}`,
        firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=${mesh} && firewall-cmd --reload`,
        iptables: `-i ${mesh}`,
        nft: `iifname "${mesh}"`,
      },
    },
    {
      hook: 'input',
      probes: [{ iifname: undefined, oifname: 'none', protocol: 'udp', port }],
      fault: `drops WireGuard: nothing in it admits UDP port ${port}, so that peers are heard only after this node spoke to them`,
      admit: {
        ufw: `allow ${port}/udp`,
        firewalld: `firewall-cmd --permanent --add-port=${port}/udp && firewall-cmd --reload`,
        iptables: `-p udp --dport ${port}`,
        nft: `udp dport ${port}`,
      },
    },
  ]
}

function outbound({ interface: mesh, wireguardPort: port, ...traffic }: MeshTraffic): Passage[] {
  const { uplink, meshRanges = [undefined] } = traffic
  return [
    {
      hook: 'output',
      probes: meshRanges.map((destination) => ({ iifname: 'none', oifname: mesh, destination })),
      fault: `drops what is for peers: nothing in it admits ${mesh}, so that nothing leaves into the mesh`,
      admit: {
        ufw: `allow out on ${mesh}`,
        firewalld: `firewall-cmd --list-all-policies, and have the one that drops it accept what leaves by ${mesh}`,
        iptables: `-o ${mesh}`,
        nft: `oifname "${mesh}"`,
      },
    },
    {
      hook: 'output',
      // Most of a mesh listens on one port.
      probes: [{ iifname: 'none', oifname: uplink, protocol: 'udp', port, sourcePort: port }],
      fault: `drops WireGuard: nothing in it admits UDP from port ${port}, so that this node speaks to no peer`,
      admit: {
        ufw: `allow out from any port ${port} proto udp`,
        firewalld: `firewall-cmd --list-all-policies, and have the one that drops it accept UDP from port ${port}`,
        iptables: `-p udp --sport ${port}`,
        nft: `udp sport ${port}`,
      },
    },
  ]
}

/** One from each range. */
export function fromPeers(traffic: MeshTraffic): Probe[] {
  const { interface: iifname, meshRanges = [undefined] } = traffic
  return meshRanges.map((source) => ({ iifname, oifname: 'none', source }))
}
