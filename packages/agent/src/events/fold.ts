import type { AcceptedPayload, Peer } from '@plexd/protocol'
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
      return withPeer(desired, peerOf(event.payload))
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
      return { ...desired, signing_keys: signingKeysOf(event.payload) }
  }
}

function foldRotatedPeer(
  desired: DesiredState,
  payload: AcceptedPayload<'peer_key_rotated'>,
): DesiredState | undefined {
  const known = desired.peers.find((peer) => peer.id === payload.peer_id)
  const merged = { ...known, ...payload }
  return isWhole(merged) ? withPeer(desired, peerOf(merged)) : undefined
}

/** An event without the PSK keeps the old one, which is only valid for the same key. */
function foldMovedPeer(
  desired: DesiredState,
  payload: AcceptedPayload<'peer_endpoint_changed'>,
): DesiredState | undefined {
  const known = desired.peers.find((peer) => peer.id === payload.peer_id)
  if (!known || (payload.public_key ?? known.public_key) !== known.public_key) return undefined
  return withPeer(desired, peerOf({ ...known, ...payload }))
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

function signingKeysOf(
  payload: AcceptedPayload<'signing_key_rotated'>,
): NonNullable<DesiredState['signing_keys']> {
  const { current, previous, transition_expires } = payload
  return {
    current,
    ...(previous === undefined ? {} : { previous }),
    ...(transition_expires === undefined ? {} : { transition_expires }),
  }
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

/** The peer's fields of an event, without the event's own. */
function peerOf(peer: Peer): Peer {
  const { id, public_key, mesh_ip, endpoint, allowed_ips, psk } = peer
  const { hostname, status, nat_type, local_endpoints } = peer
  return {
    id,
    ...(hostname === undefined ? {} : { hostname }),
    public_key,
    mesh_ip,
    endpoint,
    allowed_ips,
    psk,
    ...(status === undefined ? {} : { status }),
    ...(nat_type === undefined ? {} : { nat_type }),
    ...(local_endpoints === undefined ? {} : { local_endpoints }),
  }
}
