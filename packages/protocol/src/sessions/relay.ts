/** The longest message that the relay of a session takes, in bytes. Where messages begin and end means nothing. */
export const maxRelayMessageBytes = 64 * 1024

/**
 * How the control plane ends a relayed session that neither side has closed: the close code (those from 4000 are for
 * applications: RFC 6455, section 7.4.2) and the reason sent with it, which is text for a person. With `revoked` and `ended` there
 * may be other text, that says more.
 */
export const relayEnds = {
  stopping: { code: 1001, reason: 'the control plane is stopping' },
  not_binary: { code: 1003, reason: 'only binary messages are relayed' },
  revoked: { code: 4001, reason: 'the session was revoked' },
  expired: { code: 4002, reason: 'the session has expired' },
  ended: { code: 4003, reason: 'the session has ended' },
  no_node: { code: 4004, reason: 'the node did not connect within 15 s' },
  node_lost: { code: 4005, reason: 'the connection to the node was lost' },
  client_lost: { code: 4006, reason: 'the connection to the client was lost' },
  replaced: { code: 4007, reason: 'the node has connected again' },
} as const
