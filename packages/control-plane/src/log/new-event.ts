import {
  ApiError,
  canonicalText,
  type EventPayload,
  type EventType,
  formatEvent,
  isMadeUpByState,
  issuedAt,
  maxLineBytes,
  newId,
  type PublicPeer,
} from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'

/** A peer without the PSK, but with the epoch from which each recipient's PSK is derived. */
type StoredPeer = PublicPeer & { peer_id: string; key_epoch: number }

/** The stored part of a payload: all of it, except for types that are filled in for each recipient. */
export type StoredPayload<T extends EventType> = T extends 'peer_added'
  ? StoredPeer
  : T extends 'peer_key_rotated'
    ? StoredPeer & { previous_public_key: string }
    : T extends 'policy_updated' | 'node_state_updated' | 'node_secrets_updated'
      ? Record<never, never>
      : EventPayload<T>

export type Recipient = Pick<NodeRecord, 'no'>

/** An event to be logged: one variant per type. Without recipients it is not logged. */
export type NewEvent = {
  [T in EventType]: { type: T; to: Iterable<Recipient>; payload: StoredPayload<T> }
}[EventType]

/**
 * Throws an ApiError (400) for an event that a pull cannot replace and that could not be sent, because one of its strings
 * is longer than a line of the stream. Measured as sent, including its surroundings.
 */
export function refuseOverlong({ type, payload }: NewEvent): void {
  if (isMadeUpByState(type)) return
  const text = canonicalText({
    event_type: type,
    event_id: newId('event'),
    issued_at: issuedAt(0),
    nonce: crypto.randomUUID(),
    payload: JSON.stringify(payload),
  })
  try {
    formatEvent({
      event: type,
      data: `${text.slice(0, -1)},"signature":"${' '.repeat(signatureChars)}"}`,
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ApiError(
      'bad_request',
      `"${type}" cannot be sent: a text in it is longer than a line of the event stream, which holds ${maxLineBytes} bytes, and "<", ">" and "&" take six each there: put it in a data entry and name that`,
    )
  }
}

/** 64 bytes in base64. */
const signatureChars = 88
