import type { Client } from 'ssh2'

/** Every implementation takes 32,768 (RFC 4253 section 6.1); what asks for less makes a packet of each few bytes. */
const leastPacketBytes = 1_024

/** SSH_OPEN_CONNECT_FAILED of RFC 4254 section 5.1. */
const failed = 2

/** What ssh2 does with the packets of a node, which is no part of its interface. */
interface Handling {
  _protocol: {
    _handlers: {
      CHANNEL_OPEN_CONFIRMATION(
        protocol: unknown,
        opened: { recipient: number; packetSize: number },
      ): void
      CHANNEL_OPEN_FAILURE(protocol: unknown, channel: number, reason: number, text: string): void
    }
  }
}

/**
 * Has channels fail whose node takes next to nothing in a packet: ssh2 cuts what it sends into pieces of that size, and with a size of 0 it never
 * comes to an end. Call this once the client connects.
 */
export function refuseSmallPackets(client: Client): void {
  const handlers = (client as unknown as Handling)._protocol._handlers
  const open = handlers.CHANNEL_OPEN_CONFIRMATION
  handlers.CHANNEL_OPEN_CONFIRMATION = (protocol, opened) => {
    const { recipient, packetSize } = opened
    if (packetSize >= leastPacketBytes) return open(protocol, opened)
    const why = `its SSH server takes ${packetSize} bytes in a packet, which is too few`
    handlers.CHANNEL_OPEN_FAILURE(protocol, recipient, failed, why)
  }
}
