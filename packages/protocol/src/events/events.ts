import { type Static, Type } from 'typebox'
import { TriggeredBy } from '../executions/execution.ts'
import { Entry, SecretRef } from '../nodes/node-state.ts'
import { Peer, PublicPeer } from '../nodes/peer.ts'
import { CompiledPolicy } from '../policies/policy.ts'
import { Key32, Metadata, mapOf, NodeId, nullableArray, Timestamp } from '../schemas/scalars.ts'
import { SessionSetup } from '../sessions/session.ts'

const PeerId = Type.Object({ peer_id: NodeId, id: NodeId })

/**
 * Event type -> payload as the control plane sends it: the union of the specification's fields and those the Go agent
 * reads, so peers are full objects and carry their id twice.
 */
export const eventPayloads = {
  peer_added: Type.Interface([PeerId, Peer], {}),
  peer_removed: PeerId,
  peer_key_rotated: Type.Interface([PeerId, Peer], { previous_public_key: Type.Optional(Key32) }),
  // Without the PSK it is the same for everyone who sees the peer, so it is signed once. An absent PSK keeps the old one.
  peer_endpoint_changed: Type.Interface([PeerId, PublicPeer], {}),
  policy_updated: Type.Object({ policies: nullableArray(CompiledPolicy) }),
  action_request: Type.Object({
    execution_id: Type.String({ minLength: 1 }),
    action: Type.String({ minLength: 1 }),
    type: Type.Optional(Type.String({ examples: ['builtin', 'hook'] })),
    parameters: Type.Optional(Type.Union([mapOf(Type.Unknown()), Type.Null()])),
    timeout: Type.Optional(Type.String()),
    checksum: Type.Optional(Type.String()),
    callback_url: Type.Optional(Type.String()),
    triggered_by: Type.Optional(Type.Union([TriggeredBy, Type.Null()])),
  }),
  // Our extension: an action that was accepted is to be ended. Clients that do not know it ignore it.
  action_cancelled: Type.Object({ execution_id: Type.String({ minLength: 1 }) }),
  session_revoked: Type.Object({
    session_id: Type.String({ minLength: 1 }),
    revoked_at: Type.Optional(Timestamp),
  }),
  ssh_session_setup: Type.Object({
    session_id: Type.Optional(Type.String()),
    session_token: Type.Optional(Type.String()),
    target_host: Type.Optional(Type.String()),
    target_port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    authorized_key: Type.Optional(Type.String()),
    expires_at: Type.Optional(Timestamp),
    user_id: Type.Optional(Type.String()),
    email: Type.Optional(Type.String()),
    actions: Type.Optional(nullableArray(Type.String())),
    kind: Type.Optional(Type.String({ examples: ['ssh', 'k8s'] })),
    // Our extension: what our agent needs to run the session itself, instead of forwarding to an SSH server.
    session: Type.Optional(SessionSetup),
  }),
  rotate_keys: Type.Object({
    reason: Type.Optional(Type.String()),
    deadline: Type.Optional(Timestamp),
    rotate_nsk: Type.Optional(Type.Boolean()),
  }),
  signing_key_rotated: Type.Object({
    current: Key32,
    previous: Type.Optional(Type.Union([Key32, Type.Null()])),
    transition_expires: Type.Optional(Type.Union([Timestamp, Type.Null()])),
    new_signing_public_key: Type.Optional(Key32),
    valid_from: Type.Optional(Timestamp),
    transition_period: Type.Optional(Type.String({ examples: ['24h'] })),
  }),
  // Always complete: the Go agent clears a missing field.
  node_state_updated: Type.Object({
    metadata: Type.Union([Metadata, Type.Null()]),
    data: nullableArray(Entry),
  }),
  node_secrets_updated: Type.Object({ secret_refs: nullableArray(SecretRef) }),
  // Our extension: missed events cannot be replayed, so pull the state. Clients that do not know it ignore it.
  resync: Type.Object({
    reason: Type.String(),
    within: Type.Optional(
      Type.String({
        description:
          'Go duration, for the recipients to spread their pulls over; at once when absent',
        examples: ['20s'],
      }),
    ),
  }),
} as const

export type EventType = keyof typeof eventPayloads
export type EventPayload<T extends EventType = EventType> = Static<(typeof eventPayloads)[T]>

/**
 * Whether a pulled state replaces an event that did not reach its node. Only such an event may be replaced by a `resync`;
 * any other must be small enough to be sent, or its request is refused.
 */
const madeUpByState = {
  peer_added: true,
  peer_removed: true,
  peer_key_rotated: true,
  peer_endpoint_changed: true,
  policy_updated: true,
  action_request: false,
  action_cancelled: false,
  session_revoked: false,
  ssh_session_setup: false,
  rotate_keys: false,
  // The state has the keys too, but there only TLS authenticates them.
  signing_key_rotated: false,
  node_state_updated: true,
  node_secrets_updated: true,
  resync: true,
} as const satisfies Record<EventType, boolean>

export type StateEventType = {
  [T in EventType]: (typeof madeUpByState)[T] extends true ? T : never
}[EventType]

export function isMadeUpByState(type: EventType): type is StateEventType {
  return madeUpByState[type]
}

export const eventTypes = Object.keys(eventPayloads) as EventType[] // the keys of the table above

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(eventPayloads, text)
}
