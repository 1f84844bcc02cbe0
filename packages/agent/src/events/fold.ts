import { type AcceptedPayload, type EventType, Peer, SigningKeys } from '@plexd/protocol'
import type { DesiredState } from '../state/desired-state.ts'
import type { LeftOut } from '../state/left-out.ts'
import type { ReceivedChange } from '../state/read-state.ts'

/** Entries are parsed one by one from the raw text, which preserves numbers and isolates invalid ones. */
export type Payload<T extends EventType> = T extends 'node_state_updated' | 'node_secrets_updated'
  ? ReceivedChange
  : AcceptedPayload<T>

type Fold<T extends EventType> = (
  desired: DesiredState,
  payload: Payload<T>,
) => DesiredState | undefined

/** The events that change this node's desired state. */
const folds = {
  peer_added: withPeer,
  peer_removed: (desired, { peer_id }) => ({
    ...desired,
    peers: desired.peers.filter(({ id }) => id !== peer_id),
  }),
  peer_key_rotated(desired, payload) {
    const merged = { ...knownPeer(desired, payload.peer_id), ...payload }
    return isWhole(merged) ? withPeer(desired, merged) : undefined
  },
  /** An event without the PSK keeps the old one, which is only valid for the same key. */
  peer_endpoint_changed(desired, payload) {
    const known = knownPeer(desired, payload.peer_id)
    if (!known || (payload.public_key ?? known.public_key) !== known.public_key) return undefined
    return withPeer(desired, { ...known, ...payload })
  },
  policy_updated: (desired, { policies }) => ({ ...desired, policies: policies ?? [] }),
  /** An absent field means unchanged, not empty: other control planes may send a part. */
  node_state_updated(desired, { metadata, data, left_out }) {
    if (metadata === undefined || data === undefined) return undefined
    return { ...withLeftOut(desired, 'data', left_out), metadata: metadata ?? {}, data }
  },
  node_secrets_updated(desired, { secret_refs, left_out }) {
    if (secret_refs === undefined) return undefined
    return { ...withLeftOut(desired, 'secret_refs', left_out), secret_refs }
  },
  signing_key_rotated: (desired, payload) => ({
    ...desired,
    signing_keys: fieldsOf(SigningKeys, payload),
  }),
} satisfies { [T in EventType]?: Fold<T> }

export type StateEvent = {
  [T in keyof typeof folds]: { type: T; payload: Payload<T> }
}[keyof typeof folds]

/**
 * The desired state after an event; the caller sets its revision. Undefined if the event lacks information that
 * only a pull can provide. Idempotent.
 */
export function fold(
  desired: DesiredState,
  { type, payload }: StateEvent,
): DesiredState | undefined {
  return folds[type](desired, payload as never) // of that type
}

function knownPeer({ peers }: DesiredState, peerId: string): Peer | undefined {
  return peers.find(({ id }) => id === peerId)
}

function withPeer(desired: DesiredState, event: Peer): DesiredState {
  const peer = fieldsOf(Peer, event)
  const at = desired.peers.findIndex(({ id }) => id === peer.id)
  const peers = at === -1 ? [...desired.peers, peer] : desired.peers.with(at, peer)
  return { ...desired, peers }
}

/** Replaces what was left out of one list. */
function withLeftOut(
  desired: DesiredState,
  list: LeftOut['list'],
  leftOut: readonly LeftOut[] = [],
): DesiredState {
  const others = desired.left_out.filter((one) => one.list !== list)
  return { ...desired, left_out: [...others, ...leftOut] }
}

function isWhole(peer: Partial<Peer>): peer is Peer {
  const { id, public_key, mesh_ip, endpoint, allowed_ips, psk } = peer
  return [id, public_key, mesh_ip, endpoint, allowed_ips, psk].every((part) => part !== undefined)
}

/** Only the fields of the schema, without those that an event has beside them. */
function fieldsOf<T extends object>(schema: { properties: object }, value: T): T {
  const fields = Object.entries(value).filter(
    ([name, field]) => Object.hasOwn(schema.properties, name) && field !== undefined,
  )
  return Object.fromEntries(fields) as T // what was left out is not in the schema, or was not there
}
