import { type AcceptedPayload, Peer, SigningKeys } from '@plexd/protocol'
import type { DesiredState } from '../state/desired-state.ts'
import type { ReceivedChange } from '../state/read-state.ts'

/** The events that change this node's desired state. */
export const stateEventTypes = [
  'peer_added',
  'peer_removed',
  'peer_key_rotated',
  'peer_endpoint_changed',
  'policy_updated',
  'node_state_updated',
  'node_secrets_updated',
  'signing_key_rotated',
] as const
export type StateEventType = (typeof stateEventTypes)[number]
export type StateEvent = {
  [T in StateEventType]: { type: T; payload: StatePayload<T> }
}[StateEventType]
export type StatePayload<T extends StateEventType> = T extends EntryEventType
  ? ReceivedChange
  : AcceptedPayload<T>
/** The events whose entries are validated one by one. */
export type EntryEventType = 'node_state_updated' | 'node_secrets_updated'

/**
 * The desired state after an event; the caller sets its revision. Undefined if the event lacks information that
 * only a pull can provide. Idempotent.
 */
export function fold(desired: DesiredState, event: StateEvent): DesiredState | undefined {
  switch (event.type) {
    case 'peer_added':
      return withPeer(desired, fieldsOf(Peer, event.payload))
    case 'peer_removed':
      return withoutPeer(desired, event.payload.peer_id)
    case 'peer_key_rotated':
      return foldRotatedPeer(desired, event.payload)
    case 'peer_endpoint_changed':
      return foldMovedPeer(desired, event.payload)
    case 'policy_updated':
      return { ...desired, policies: event.payload.policies ?? [] }
    case 'node_state_updated':
      return foldNodeState(desired, event.payload)
    case 'node_secrets_updated':
      return foldSecretRefs(desired, event.payload)
    case 'signing_key_rotated':
      return { ...desired, signing_keys: fieldsOf(SigningKeys, event.payload) }
  }
}

function foldRotatedPeer(
  desired: DesiredState,
  payload: AcceptedPayload<'peer_key_rotated'>,
): DesiredState | undefined {
  const known = desired.peers.find((peer) => peer.id === payload.peer_id)
  const merged = { ...known, ...payload }
  return isWhole(merged) ? withPeer(desired, fieldsOf(Peer, merged)) : undefined
}

/** An event without the PSK keeps the old one, which is only valid for the same key. */
function foldMovedPeer(
  desired: DesiredState,
  payload: AcceptedPayload<'peer_endpoint_changed'>,
): DesiredState | undefined {
  const known = desired.peers.find((peer) => peer.id === payload.peer_id)
  if (!known || (payload.public_key ?? known.public_key) !== known.public_key) return undefined
  return withPeer(desired, fieldsOf(Peer, { ...known, ...payload }))
}

/** An absent field means unchanged, not empty: other control planes may send a part. */
function foldNodeState(
  desired: DesiredState,
  { metadata, data, left_out = [] }: ReceivedChange,
): DesiredState | undefined {
  if (metadata === undefined || data === undefined) return undefined
  const others = desired.left_out.filter(({ list }) => list !== 'data')
  return { ...desired, metadata: metadata ?? {}, data, left_out: [...others, ...left_out] }
}

function foldSecretRefs(
  desired: DesiredState,
  { secret_refs, left_out = [] }: ReceivedChange,
): DesiredState | undefined {
  if (secret_refs === undefined) return undefined
  const others = desired.left_out.filter(({ list }) => list !== 'secret_refs')
  return { ...desired, secret_refs, left_out: [...others, ...left_out] }
}

function withPeer(desired: DesiredState, peer: Peer): DesiredState {
  const at = desired.peers.findIndex(({ id }) => id === peer.id)
  const peers = at === -1 ? [...desired.peers, peer] : desired.peers.with(at, peer)
  return { ...desired, peers }
}

function withoutPeer(desired: DesiredState, id: string): DesiredState {
  return { ...desired, peers: desired.peers.filter((peer) => peer.id !== id) }
}

function isWhole(peer: Partial<Peer>): peer is Peer {
  const { id, public_key, mesh_ip, endpoint, allowed_ips, psk } = peer
  return [id, public_key, mesh_ip, endpoint, allowed_ips, psk].every((part) => part !== undefined)
}

/** Only the fields of the schema, without those that an event has beside them. */
function fieldsOf<T extends object>(schema: { properties: object }, value: T): T {
  const fields = Object.entries(value).filter(
    ([name, field]) => name in schema.properties && field !== undefined,
  )
  return Object.fromEntries(fields) as T // what was left out is not in the schema, or was not there
}
