import { magicCookie } from '@plexd/runtime'

export interface StunPorts {
  /** WireGuard's port, which becomes the source port of the requests. */
  wireguardPort: number
  /** The port of our own socket. */
  stunPort: number
  /** The user of our process; packets of other users are not touched. */
  userId: number
}

/** `rewrite`: nftables rewrites the port of STUN messages; `translate`: the kernel translates the port of our socket. */
export type Way = 'rewrite' | 'translate'

/** Preferred ones first. */
export const ways: readonly Way[] = ['rewrite', 'translate']

/** The nft commands that replace the table. */
export function tableText(way: Way, ports: StunPorts): string {
  return way === 'rewrite' ? rewriteText(ports) : translateText(ports)
}

/** The name of the rule for requests. It states what the rule does, so that a restarted daemon can use it again. */
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
 * Rewrites the port of STUN messages between our socket and WireGuard's port, in both directions and without state. No
 * packet of WireGuard is touched: its first two bytes are 0x0100 to 0x0400, never one of these message types, and the magic
 * cookie is a second test. Requests are rewritten before connection tracking and answers after the host's filter, so both
 * see WireGuard's port, and a rule that admits WireGuard admits them too. Answers are rate-limited because any host can
 * send them.
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
 * The same with the kernel's address translation, for systems where nft cannot match payloads. Only answers from
 * the server that was asked come back.
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

/** Removes the table; followed by a table, replaces it. */
export const emptyText = 'add table inet plexd_stun\ndelete table inet plexd_stun\n'
