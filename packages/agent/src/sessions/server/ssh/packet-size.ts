import type { Connection } from 'ssh2'

/** Every implementation takes 32,768 (RFC 4253 section 6.1); what asks for less makes a packet of each few bytes. */
const leastPacketBytes = 1_024
/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED of RFC 4254 section 5.1. */
const prohibited = 1

/** What ssh2 does with the packets of a client, which is no part of its interface. */
interface Handling {
  _protocol: {
    _handlers: {
      CHANNEL_OPEN(protocol: Protocol, open: { sender: number; packetSize: number }): void
    }
  }
}

interface Protocol {
  channelOpenFail(recipient: number, reason: number, text: string): void
}

/**
 * Refuses channels whose client takes next to nothing in a packet: ssh2 cuts what it sends into pieces of that size, and with a size of 0
 * it never comes to an end.
 */
export function refuseSmallPackets(client: Connection): void {
  const handlers = (client as unknown as Handling)._protocol._handlers
  const open = handlers.CHANNEL_OPEN
  handlers.CHANNEL_OPEN = (protocol, asked) => {
    if (asked.packetSize >= leastPacketBytes) open(protocol, asked)
    else protocol.channelOpenFail(asked.sender, prohibited, 'its packets would be too small')
  }
}
