/**
 * How a router translates the packets of the hosts behind it. Mapping and filtering of each kind were checked with the
 * tests of RFC 5780.
 *
 * - `full_cone`: one public port for each local one; any host may send to it.
 * - `restricted`: the same, but only for hosts that it has sent to.
 * - `port_restricted`: the same, but only for ports that it has sent to. The default of Linux.
 * - `symmetric`: a new public port for each destination.
 * - `one_to_one`: the whole public address belongs to one host.
 * - `udp_blocked`: as `port_restricted`, and no UDP passes.
 */
const natKinds = [
  'full_cone',
  'restricted',
  'port_restricted',
  'symmetric',
  'one_to_one',
  'udp_blocked',
] as const
export type NatKind = (typeof natKinds)[number]

export interface RouterAddresses {
  /** Public address of the router. */
  wan: string
  /** The one host that a `one_to_one` NAT is for. */
  inside: string
}

/** The rules of a router whose interface to the public network is named `wan`. Pure. */
export function natRules(kind: NatKind, { wan, inside }: RouterAddresses): string {
  const {
    learn = '',
    source = `oifname wan masquerade`,
    destination = '',
    forward = '',
  } = parts[kind]({ wan, inside })
  return `table ip nat {
  ${learn}
  chain source { type nat hook postrouting priority 100; ${source}; }
  chain destination { type nat hook prerouting priority -100; ${destination}; }
}
table ip filter {
  # A router that takes what nobody asked for confirms a flow which then holds the port that a host needs.
  chain input {
    type filter hook input priority 0; policy accept;
    iifname wan ct state established,related accept
    iifname wan drop
  }
  chain forward { type filter hook forward priority 0; policy accept; ${forward}; }
}
`
}

interface Parts {
  learn?: string
  source?: string
  destination?: string
  forward?: string
}

const parts: Record<NatKind, (addresses: RouterAddresses) => Parts> = {
  full_cone: () => cone({ key: 'inet_service', learnt: 'udp sport', looked: 'udp dport' }),
  restricted: () =>
    cone({
      key: 'inet_service . ipv4_addr',
      learnt: 'udp sport . ip daddr',
      looked: 'udp dport . ip saddr',
    }),
  port_restricted: () => ({}),
  symmetric: () => ({ source: 'oifname wan masquerade fully-random' }),
  one_to_one: ({ wan, inside }) => ({
    source: `oifname wan snat to ${wan}`,
    destination: `iifname wan dnat to ${inside}`,
  }),
  udp_blocked: () => ({ forward: 'meta l4proto udp drop' }),
}

/** The sender of each port is stored before its address is translated, and looked up for incoming packets. */
function cone({ key, learnt, looked }: { key: string; learnt: string; looked: string }): Parts {
  return {
    learn: `map known { type ${key} : ipv4_addr . inet_service; flags dynamic,timeout; timeout 180s; }
  chain learn {
    type filter hook postrouting priority 99; policy accept;
    oifname wan meta l4proto udp update @known { ${learnt} : ip saddr . udp sport }
  }`,
    destination: `iifname wan meta l4proto udp dnat to ${looked} map @known`,
  }
}
