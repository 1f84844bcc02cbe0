import { type EventType, formatEvent, isMadeUpByState, issuedAt, newId } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { StoredEvent } from '../rows/log/events.ts'
import type { Heads } from './heads.ts'
import type { Keyring } from './keyring.ts'
import { mayBeShared, type PayloadSources, payloadFor } from './payload-for.ts'

/** An event block of the stream. */
export interface Frame {
  text: string
  /** Whether it tells the node to pull its state instead of delivering the event. */
  isResync: boolean
}

/** Serialises events for the wire: each delivery gets a fresh signature, under the event's original id. */
export interface Frames {
  /** The block for one recipient, signed individually; undefined if the event has become irrelevant. */
  of(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined>
  /**
   * The same for an event that has just been committed. A payload that is the same for several recipients is signed once:
   * nobody can have seen its nonce.
   */
  live(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined>
  /** The same without an `id:` line, for an event that is repeated out of order. */
  again(event: StoredEvent, node: NodeRecord): Promise<string | undefined>
  /** Tells a node to pull its state, and moves its cursor to `seq`. */
  resync(seq: number, reason: string): Promise<Frame>
}

/** A shared signature must still be fresh for its last recipient. */
const maxAgeMs = 60_000
const maxEvents = 64
/** Cached texts per event; more distinct texts would mean nearly one per node. */
const maxTexts = 16

export function createFrames(options: {
  heads: Pick<Heads, 'positionOf'>
  keyring: Keyring
  sources: PayloadSources
  clock: Clock
}): Frames {
  const { heads, keyring, sources, clock } = options
  const recent = new Map<
    number,
    { atMs: number; frames: Map<string, Promise<Frame | undefined>> }
  >()

  async function frameOf(
    event: Pick<StoredEvent, 'seq' | 'event_id'> & { event_type: EventType },
    payload: string,
    id: string | undefined,
  ): Promise<string> {
    const data = await keyring.sign(
      {
        event_type: event.event_type,
        event_id: event.event_id,
        issued_at: issuedAt(clock.now()),
        nonce: crypto.randomUUID(),
        payload,
      },
      event.seq,
    )
    return formatEvent({ ...(id === undefined ? {} : { id }), event: event.event_type, data })
  }

  async function resync(
    { seq, event_id }: Pick<StoredEvent, 'seq' | 'event_id'>,
    reason: string,
  ): Promise<Frame> {
    const event = { seq, event_id, event_type: 'resync' as const }
    const text = await frameOf(event, JSON.stringify({ reason }), heads.positionOf(seq))
    return { text, isResync: true }
  }

  function inPlaceOf(event: StoredEvent): Promise<Frame> | undefined {
    if (!isMadeUpByState(event.event_type)) return undefined
    return resync(event, `"${event.event_type}" is too long for the stream`)
  }

  async function framed(event: StoredEvent, payload: string): Promise<Frame | undefined> {
    const instead = isPulledInstead(event, payload) ? inPlaceOf(event) : undefined
    if (instead) return instead
    try {
      const text = await frameOf(event, payload, heads.positionOf(event.seq))
      return { text, isResync: event.event_type === 'resync' }
    } catch (error) {
      // A single string may exceed the line limit of the stream.
      if (!(error instanceof RangeError)) throw error
      // An overlong event that a pull cannot replace is refused when it is logged; one logged by an earlier build is undeliverable.
      return inPlaceOf(event)
    }
  }

  /** One frame for all recipients with the same payload text, which is the case for most payloads without secrets. */
  function shared(event: StoredEvent, payload: string): Promise<Frame | undefined> {
    const nowMs = clock.now()
    let known = recent.get(event.seq)
    // In both directions: the clock may have been set.
    if (!known || Math.abs(nowMs - known.atMs) >= maxAgeMs) {
      known = { atMs: nowMs, frames: new Map() }
      recent.delete(event.seq)
      recent.set(event.seq, known)
      const [oldest] = recent.keys()
      if (recent.size > maxEvents && oldest !== undefined) recent.delete(oldest)
    }
    let frame = known.frames.get(payload)
    if (!frame) {
      frame = framed(event, payload)
      if (known.frames.size < maxTexts) known.frames.set(payload, frame)
    }
    return frame
  }

  async function frameFor(
    event: StoredEvent,
    node: NodeRecord,
    frame: typeof framed,
  ): Promise<Frame | undefined> {
    const payload = await payloadFor(event, node, sources)
    return payload === undefined ? undefined : frame(event, payload)
  }

  return {
    of: (event, node) => frameFor(event, node, framed),
    live: (event, node) => frameFor(event, node, mayBeShared(event.event_type) ? shared : framed),
    async again(event, node) {
      const payload = await payloadFor(event, node, sources)
      if (payload === undefined || isPulledInstead(event, payload)) return undefined
      // If it is too long for a line, it was not sent the first time either.
      return frameOf(event, payload, undefined).catch((error: unknown) => {
        if (error instanceof RangeError) return undefined
        throw error
      })
    },
    resync: (seq, reason) => resync({ seq, event_id: newId('event') }, reason),
  }
}

/** Limit for a node's entries, sent in full at each change of one, in UTF-16 units; beyond it a pull is cheaper. */
const maxEntryChars = 512 * 1024

function isPulledInstead({ event_type }: StoredEvent, payload: string): boolean {
  const isOfEntries = event_type === 'node_state_updated' || event_type === 'node_secrets_updated'
  return isOfEntries && payload.length > maxEntryChars
}
