import type { EventPayload, NodeState, Peer } from '@plexd/protocol'

/**
 * The desired state after an event, in a node that pulled once and has only read events since (wire contract 3.8).
 * Undefined when the node has to pull again.
 */
export function foldEvent(
  state: NodeState,
  { event_type, payload }: { event_type: string; payload: unknown },
): NodeState | undefined {
  switch (event_type) {
    case 'peer_added':
    case 'peer_key_rotated':
      return withPeer(state, peerOf(payload as EventPayload<'peer_added'>)) // the contract tests check payloads
    case 'peer_endpoint_changed': {
      const { peer_id: _, ...change } = payload as EventPayload<'peer_endpoint_changed'>
      const known = state.peers.find(({ id }) => id === change.id)
      return known ? withPeer(state, { ...known, ...change }) : state
    }
    case 'peer_removed': {
      const { id } = payload as EventPayload<'peer_removed'>
      return { ...state, peers: state.peers.filter((peer) => peer.id !== id) }
    }
    case 'policy_updated':
      return { ...state, policies: (payload as EventPayload<'policy_updated'>).policies ?? [] }
    case 'node_state_updated': {
      const { metadata, data } = payload as EventPayload<'node_state_updated'>
      return { ...state, metadata: metadata ?? {}, data: data ?? [] }
    }
    case 'node_secrets_updated': {
      const { secret_refs } = payload as EventPayload<'node_secrets_updated'>
      return { ...state, secret_refs: secret_refs ?? [] }
    }
    case 'signing_key_rotated': {
      const { current, previous, transition_expires } =
        payload as EventPayload<'signing_key_rotated'>
      return {
        ...state,
        signing_keys: {
          current,
          ...(previous ? { previous } : {}),
          ...(transition_expires ? { transition_expires } : {}),
        },
      }
    }
    case 'resync':
      return undefined
    default:
      return state
  }
}

/** Two states that are the same have the same text; neither the order of lists nor the revision counts. */
export function comparable({ revision: _, ...state }: NodeState): unknown {
  const byId = <Item>(items: readonly Item[], id: (item: Item) => string): Item[] =>
    items.toSorted((a, b) => id(a).localeCompare(id(b)))
  return {
    ...state,
    peers: byId(state.peers, ({ id }) => id),
    policies: state.policies,
    data: byId(state.data, ({ key }) => key),
    secret_refs: byId(state.secret_refs, ({ key }) => key),
    signing_keys: { ...state.signing_keys, previous: state.signing_keys.previous ?? null },
  }
}

function peerOf({ peer_id: _, ...peer }: EventPayload<'peer_added'>): Peer {
  const { previous_public_key: __, ...rest } = peer as Peer & { previous_public_key?: string } // of peer_key_rotated
  return rest
}

function withPeer(state: NodeState, peer: Peer): NodeState {
  return { ...state, peers: [...state.peers.filter(({ id }) => id !== peer.id), peer] }
}
