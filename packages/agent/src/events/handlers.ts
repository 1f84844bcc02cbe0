import {
  type EventType,
  isEventType,
  parseDuration,
  parseEventPayload,
  type UnsignedEvent,
} from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { ActionExecutor } from '../actions/executor.ts'
import type { KeyRotation } from '../control/key-rotation.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { readChange, type StateLimits } from '../state/read-state.ts'
import type { Payload, StateEvent } from './fold.ts'

/** What the handlers act on. */
export interface EventTargets {
  /** Resolves when the change is on disk. */
  foldState(event: StateEvent, id: string): Promise<void>
  /** Records the stream position when an event does not change the state. */
  passBy(id: string): Promise<void>
  /**
   * Requests an unconditional pull at a random moment within `withinMs`; resolves when the request is durable.
   */
  resync(reason: string, withinMs?: number): Promise<void>
  executor: Pick<ActionExecutor, 'request' | 'cancel'>
  sessions: Pick<Sessions, 'setUp' | 'revoke'>
  keyRotation: Pick<KeyRotation, 'request'>
  limits: StateLimits
  /** Those that were met since the start. */
  unknownTypes: Set<string>
  log: Log
}

export interface ReceivedEvent<T extends EventType> {
  payload: Payload<T>
  event_id: string
  /** SSE id. */
  id: string
}

type Handlers = {
  [T in EventType]: (event: ReceivedEvent<T>, targets: EventTargets) => Promise<void>
}

/** One handler per event type; all are idempotent. */
const handlers: Handlers = {
  peer_added: foldAs('peer_added'),
  peer_removed: foldAs('peer_removed'),
  peer_key_rotated: foldAs('peer_key_rotated'),
  peer_endpoint_changed: foldAs('peer_endpoint_changed'),
  policy_updated: foldAs('policy_updated'),
  node_state_updated: foldAs('node_state_updated'),
  node_secrets_updated: foldAs('node_secrets_updated'),

  async signing_key_rotated(event, targets) {
    await foldAs('signing_key_rotated')(event, targets)
    targets.log.info('signing key rotated', {
      transition_expires: event.payload.transition_expires,
    })
  },

  async action_request({ payload, id }, { executor, passBy }) {
    await executor.request(payload)
    await passBy(id)
  },

  async action_cancelled({ payload, id }, { executor, passBy, log }) {
    log.info('control plane cancels an action', payload)
    executor.cancel(payload.execution_id)
    await passBy(id)
  },

  async rotate_keys({ payload, event_id, id }, { keyRotation, passBy, log }) {
    log.info('key rotation requested', { reason: payload.reason })
    await keyRotation.request(event_id)
    await passBy(id)
  },

  async session_revoked({ payload, id }, { sessions, passBy }) {
    await sessions.revoke(payload)
    await passBy(id)
  },

  async ssh_session_setup({ payload, id }, { sessions, passBy }) {
    await sessions.setUp(payload)
    await passBy(id)
  },

  async resync({ payload }, { resync }) {
    await resync(payload.reason, withinMsOf(payload.within))
  },
}

/** All nodes get the event at once; each picks a random moment. Limited, because the state is known to be outdated. */
const maxWithinMs = 60_000

function withinMsOf(within = '0'): number {
  try {
    return Math.min(maxWithinMs, Math.max(0, parseDuration(within)))
  } catch {
    return 0
  }
}

/**
 * Handles a verified event; resolves when its effect is durable. An unknown type is dropped, and an invalid payload
 * will never become valid: the state is pulled instead.
 */
export async function handleEvent(
  event: UnsignedEvent,
  id: string,
  targets: EventTargets,
): Promise<void> {
  const { event_type } = event
  if (!isEventType(event_type)) {
    tellUnknown(event_type, targets)
    await targets.passBy(id)
    return
  }
  await handle(event_type, event, id, targets)
}

/** How many types of events are told of, for a log that no control plane can fill. */
const maxTold = 16

/** Once for each type: which this is depends on the version of the control plane alone. */
function tellUnknown(event_type: string, { unknownTypes, log }: EventTargets): void {
  if (unknownTypes.has(event_type) || unknownTypes.size >= maxTold) return
  unknownTypes.add(event_type)
  log.warn('events of a type that this version of plexd does not know are left out', {
    event_type: event_type.slice(0, 64),
  })
}

async function handle<T extends EventType>(
  type: T,
  event: UnsignedEvent,
  id: string,
  targets: EventTargets,
): Promise<void> {
  let payload: Payload<T>
  try {
    payload = await readPayload(type, event.payload, targets.limits)
  } catch (error) {
    targets.log.error('event payload does not fit', { event_id: event.event_id, error })
    await targets.resync('event payload does not fit')
    return
  }
  targets.log.debug('event received', { event_type: type, event_id: event.event_id, id })
  await handlers[type]({ payload, event_id: event.event_id, id }, targets)
}

async function readPayload<T extends EventType>(
  type: T,
  text: string,
  limits: StateLimits,
): Promise<Payload<T>> {
  const isOfEntries = type === 'node_state_updated' || type === 'node_secrets_updated'
  const payload = isOfEntries
    ? await readChange(text, limits)
    : parseEventPayload(type, JSON.parse(text))
  return payload as Payload<T> // by the line above
}

function foldAs<T extends StateEvent['type']>(
  type: T,
): (event: ReceivedEvent<T>, targets: EventTargets) => Promise<void> {
  return ({ payload, id }, { foldState }) => foldState({ type, payload } as StateEvent, id) // T links type and payload
}
