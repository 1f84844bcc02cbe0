import { magicCookie } from '@plexd/runtime'

export interface StunPorts {
  /** WireGuard's, from which the questions shall seem to come. */
  wireguardPort: number
  /** That of our own socket. */
  stunPort: number
  /** Of our process: nobody else's packets are touched. */
  userId: number
}

/**
 * Lets a socket of ours speak STUN from WireGuard's port, in both directions and without state. No packet of WireGuard
 * is ever touched: its first two bytes are 0x0100 to 0x0400 and never one of these message types, and the magic
 * cookie is a second test. Going out it is done before connection tracking, coming in behind the host's filter: so to
 * both it looks like WireGuard's own traffic, and whatever rule admits that admits this. The limit is there because
 * the answers of strangers now reach us too.
 */
export function rewriteText({ wireguardPort, stunPort, userId }: StunPorts): string {
  const isStun = `@th,64,16 { 0x0001, 0x0101, 0x0111 } @th,96,32 0x${magicCookie.toString(16)}`
  return `${emptyText}table inet plexd_stun {
	chain out {
		type filter hook output priority raw; policy accept;
		meta skuid ${userId} udp sport ${stunPort} ${isStun} counter udp sport set ${wireguardPort} comment "out"
	}
	chain in {
		type filter hook input priority 100; policy accept;
		udp dport ${wireguardPort} ${isStun} limit rate 1000/second burst 500 packets counter udp dport set ${stunPort} comment "in"
	}
}
`
}

/**
 * The same by the kernel's address translation, for systems that cannot look into a packet's payload. Only answers
 * from where the question went to come back.
 */
export function translateText({ wireguardPort, stunPort, userId }: StunPorts): string {
  return `${emptyText}table inet plexd_stun {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		meta skuid ${userId} udp sport ${stunPort} counter snat to :${wireguardPort} comment "out"
	}
}
`
}

/** In front of a table it replaces the one that is there; by itself it removes it. */
export const emptyText = 'add table inet plexd_stun\ndelete table inet plexd_stun\n'
