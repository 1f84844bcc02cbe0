import {
  type EventType,
  formatEvent,
  isMadeUpByState,
  issuedAt,
  newId,
  type StateEventType,
} from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { StoredEvent } from '../rows/log/events.ts'
import type { Heads } from './heads.ts'
import type { Keyring } from './keyring.ts'
import { mayBeShared, type PayloadSources, payloadFor } from './payload-for.ts'

/** A block of the stream. */
export interface Frame {
  text: string
  /** It tells the node to pull its state in place of what it was about. */
  isResync: boolean
}

/** Events as they go over the wire: signed anew for each sending, under the id they always had. */
export interface Frames {
  /** The block for one recipient, made for it; undefined when there is nothing left to be told. */
  of(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined>
  /**
   * The same for an event that has just been committed. What is the same for all recipients is signed once: nobody can
   * have seen its nonce.
   */
  live(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined>
  /** The same without an `id:` line, for what is sent once more out of its turn. */
  again(event: StoredEvent, node: NodeRecord): Promise<string | undefined>
  /** Tells a node to pull its state; its cursor is then at `seq`. */
  resync(seq: number, reason: string): Promise<Frame>
}

/** A signature that is shared must still be fresh for the last one who gets it. */
const maxAgeMs = 60_000
const maxEvents = 64
/** Different texts of one event that are kept; more would be nearly one for each node. */
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
    event: Pick<StoredEvent, 'seq' | 'event_id'> & { event_type: StateEventType },
    reason: string,
  ): Promise<Frame> {
    const id = heads.positionOf(event.seq)
    const text = await frameOf({ ...event, event_type: 'resync' }, JSON.stringify({ reason }), id)
    return { text, isResync: true }
  }

  async function own(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined> {
    const payload = await payloadFor(event, node, sources)
    return payload === undefined ? undefined : framed(event, payload)
  }

  function inPlaceOf({ event_type, ...event }: StoredEvent): Promise<Frame> | undefined {
    if (!isMadeUpByState(event_type)) return undefined
    return resync({ ...event, event_type }, `"${event_type}" is too long for the stream`)
  }

  async function framed(event: StoredEvent, payload: string): Promise<Frame | undefined> {
    const instead = isPulledInstead(event, payload) ? inPlaceOf(event) : undefined
    if (instead) return instead
    try {
      const text = await frameOf(event, payload, heads.positionOf(event.seq))
      return { text, isResync: event.event_type === 'resync' }
    } catch (error) {
      // A single string longer than a line of the stream.
      if (!(error instanceof RangeError)) throw error
      // Of those that no state makes up for none is taken that does not fit; what an earlier build took reaches nobody.
      return inPlaceOf(event)
    }
  }

  /** One frame for all whose payload is the same text, as most are that hold no secret. */
  function shared(event: StoredEvent, payload: string): Promise<Frame | undefined> {
    const nowMs = clock.now()
    let known = recent.get(event.seq)
    // Either way: the clock may have been set.
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

  async function live(event: StoredEvent, node: NodeRecord): Promise<Frame | undefined> {
    if (!mayBeShared(event.event_type)) return own(event, node)
    const payload = await payloadFor(event, node, sources)
    return payload === undefined ? undefined : shared(event, payload)
  }

  return {
    of: own,
    live,
    async again(event, node) {
      const payload = await payloadFor(event, node, sources)
      if (payload === undefined || isPulledInstead(event, payload)) return undefined
      // What is too long for a line was not sent the first time either.
      return frameOf(event, payload, undefined).catch((error: unknown) => {
        if (error instanceof RangeError) return undefined
        throw error
      })
    },
    resync: (seq, reason) =>
      resync({ seq, event_id: newId('event'), event_type: 'resync' }, reason),
  }
}

/** Entries of a node, complete with each change of one, in UTF-16 units: with more of them a pull costs less. */
const maxEntryChars = 512 * 1024

function isPulledInstead({ event_type }: StoredEvent, payload: string): boolean {
  const isOfEntries = event_type === 'node_state_updated' || event_type === 'node_secrets_updated'
  return isOfEntries && payload.length > maxEntryChars
}
