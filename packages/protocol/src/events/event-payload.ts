import { type Static, type TSchema, Type } from 'typebox'
import type { Validator } from 'typebox/compile'
import { Entry } from '../nodes/node-state.ts'
import { Peer, PublicPeer, withKnownWords } from '../nodes/peer.ts'
import { Endpoint, Key32, Metadata, NodeId, nullableArray } from '../schemas/scalars.ts'
import { schemaFault } from '../schemas/schema-fault.ts'
import { validatorOf } from '../schemas/validator.ts'
import { type EventType, eventPayloads } from './events.ts'

const PeerId = Type.Object({ peer_id: NodeId, id: NodeId })

/** The minimum a node requires of an event: less than what we send, because the specification and other servers send less. */
const acceptedPayloads = {
  ...eventPayloads,
  peer_key_rotated: Type.Interface([PeerId, Type.Partial(Peer)], { public_key: Key32 }),
  peer_endpoint_changed: Type.Interface([PeerId, Type.Partial(PublicPeer)], { endpoint: Endpoint }),
  node_state_updated: Type.Object({
    metadata: Type.Optional(Type.Union([Metadata, Type.Null()])),
    data: Type.Optional(nullableArray(Entry)),
  }),
} as const

export type AcceptedPayload<T extends EventType = EventType> = Static<(typeof acceptedPayloads)[T]>

/**
 * The payload of a verified event, with the field names of other control planes converted to ours: `id` for `peer_id` and
 * vice versa, and the specification's `new_signing_public_key`. Throws a TypeError that names the offending field.
 */
export function parseEventPayload<T extends EventType>(
  type: T,
  received: unknown,
): AcceptedPayload<T> {
  const payload = withAliases(type, received)
  const validator = validators[type]()
  if (validator.Check(payload)) return payload as AcceptedPayload<T> // just checked against its schema
  throw new TypeError(
    `parse payload of "${type}": ${schemaFault(validator.Errors(payload), { whole: 'it' })}`,
  )
}

function withAliases(type: EventType, received: unknown): unknown {
  if (typeof received !== 'object' || received === null || Array.isArray(received)) return received
  const isOfPeer = type.startsWith('peer_')
  const payload: Record<string, unknown> = { ...(isOfPeer ? withKnownWords(received) : received) }
  if (isOfPeer) {
    payload.id ??= payload.peer_id
    payload.peer_id ??= payload.id
  }
  if (type === 'signing_key_rotated') payload.current ??= payload.new_signing_public_key
  return payload
}

const validators = Object.fromEntries(
  Object.entries(acceptedPayloads).map(([type, schema]) => [type, validatorOf(schema as TSchema)]),
) as Record<EventType, () => Validator> // a row for each of the table
