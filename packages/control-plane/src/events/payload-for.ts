import type { EventType } from '@plexd/protocol'
import type { NodeEntries } from '../entries/node-entries.ts'
import type { StoredPayload } from '../log/new-event.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'
import { metadataOf } from '../mesh/labels/labels.ts'
import { pskSourceOf } from '../mesh/peer-view.ts'
import { policiesJsonFor } from '../mesh/policies/node-policies.ts'
import { isWaiting } from '../rows/executions/executions.ts'
import type { StoredEvent } from '../rows/log/events.ts'
import { type PskMaster, pairPsk } from '../seal/psk.ts'
import { type SetupSources, setupPayload } from '../sessions/setup.ts'
import type { Reader } from '../store/db.ts'

/** The data that payloads are filled in from; all of it committed. */
export interface PayloadSources extends SetupSources {
  reader: Reader
  entries: NodeEntries
  fleet: Fleet
  pskMaster: PskMaster
  now: () => number
}

/** The event types whose payload differs by recipient, or contains its secrets. */
const perRecipient: ReadonlySet<EventType> = new Set([
  'peer_added',
  'peer_key_rotated',
  'policy_updated',
  'node_state_updated',
  'node_secrets_updated',
  'action_request',
  'ssh_session_setup',
])

/** The types without a recipient's secrets: recipients of the same text can share one envelope. */
export function mayBeShared(type: EventType): boolean {
  return !['peer_added', 'peer_key_rotated', 'action_request', 'ssh_session_setup'].includes(type)
}

/** For types that are the same for every recipient. */
export function isShared(type: EventType): boolean {
  return !perRecipient.has(type)
}

/**
 * The payload of an event for one recipient, as JSON text. State in it is complete and current, so it may be newer
 * than the event; it is safe to apply twice. Undefined if the event has become irrelevant: an action that was
 * acknowledged, is past its deadline or was asked for again by a later event, or a session that has ended.
 */
export async function payloadFor(
  event: StoredEvent,
  node: NodeRecord,
  sources: PayloadSources,
): Promise<string | undefined> {
  const { reader, entries, fleet, now } = sources
  switch (event.event_type) {
    case 'peer_added':
    case 'peer_key_rotated': {
      const { key_epoch, ...peer } = JSON.parse(event.payload) as StoredPayload<'peer_added'> // made by the log
      const psk = pairPsk(pskSourceOf(sources, node), node, { id: peer.id, key_epoch })
      return JSON.stringify({ ...peer, psk })
    }
    case 'policy_updated':
      return policiesJsonFor(fleet, node)
    case 'node_state_updated':
      return `{"metadata":${JSON.stringify(metadataOf(node))},"data":${await entries.dataJsonOf(node)}}`
    case 'node_secrets_updated':
      return JSON.stringify({ secret_refs: await entries.secretRefsOf(node) })
    case 'action_request': {
      const { execution_id } = JSON.parse(event.payload) as StoredPayload<'action_request'> // made by the log
      const request = { id: execution_id, seq: event.seq, nowMs: now() }
      return (await isWaiting(reader, request)) ? event.payload : undefined
    }
    case 'ssh_session_setup':
      return setupPayload(event, sources)
    default:
      return event.payload
  }
}
