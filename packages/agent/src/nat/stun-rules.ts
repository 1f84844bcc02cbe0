import { magicCookie } from '@plexd/runtime'

export interface StunPorts {
  /** WireGuard's, from which the questions shall seem to come. */
  wireguardPort: number
  /** That of our own socket. */
  stunPort: number
  /** Of our process: nobody else's packets are touched. */
  userId: number
}

/** `rewrite`: nftables rewrites the port of STUN messages; `translate`: the kernel translates that of our socket. */
export type Way = 'rewrite' | 'translate'

/** In the order of preference. */
export const ways: readonly Way[] = ['rewrite', 'translate']

/** The table for a way, in place of the one that is there. */
export function tableText(way: Way, ports: StunPorts): string {
  return way === 'rewrite' ? rewriteText(ports) : translateText(ports)
}

/** What the rule for questions is called. It tells who finds it later, a daemon started again, what it does. */
export function ruleName(way: Way, { wireguardPort, stunPort, userId }: StunPorts): string {
  return `${way} ${stunPort} to ${wireguardPort} for user ${userId}`
}

/** The inverse of `ruleName`. */
export function parseRuleName(name: string): { way: Way; ports: StunPorts } | undefined {
  const [, word, ...numbers] = /^(\w+) (\d+) to (\d+) for user (\d+)$/.exec(name) ?? []
  const way = ways.find((known) => known === word)
  const [stunPort = 0, wireguardPort = 0, userId = 0] = numbers.map(Number)
  return way && { way, ports: { wireguardPort, stunPort, userId } }
}

/**
 * Lets a socket of ours speak STUN from WireGuard's port, in both directions and without state. No packet of WireGuard
 * is ever touched: its first two bytes are 0x0100 to 0x0400 and never one of these message types, and the magic
 * cookie is a second test. Going out it is done before connection tracking, coming in behind the host's filter: so to
 * both it looks like WireGuard's own traffic, and whatever rule admits that admits this. The limit is there because
 * the answers of strangers now reach us too.
 */
function rewriteText(ports: StunPorts): string {
  const { wireguardPort, stunPort, userId } = ports
  const isStun = `@th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x${magicCookie.toString(16)}`
  return `${emptyText}table inet plexd_stun {
	chain out {
		type filter hook output priority raw; policy accept;
		meta skuid ${userId} udp sport ${stunPort} ${isStun} counter udp sport set ${wireguardPort} comment "${ruleName('rewrite', ports)}"
	}
	chain in {
		type filter hook input priority 100; policy accept;
		udp dport ${wireguardPort} ${isStun} limit rate 1000/second burst 500 packets counter udp dport set ${stunPort} comment "answers"
	}
}
`
}

/**
 * The same by the kernel's address translation, for systems that cannot look into a packet's payload. Only answers
 * from where the question went to come back.
 */
function translateText(ports: StunPorts): string {
  const { wireguardPort, stunPort, userId } = ports
  return `${emptyText}table inet plexd_stun {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		meta skuid ${userId} udp sport ${stunPort} counter snat to :${wireguardPort} comment "${ruleName('translate', ports)}"
	}
}
`
}

/** In front of a table it replaces the one that is there; by itself it removes it. */
export const emptyText = 'add table inet plexd_stun\ndelete table inet plexd_stun\n'
