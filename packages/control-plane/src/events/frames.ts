import { type EventType, formatEvent, issuedAt, newId } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { NodeRecord } from '../mesh/fleet.ts'
import { formatPosition, type StoredEvent } from './event-log.ts'
import type { Keyring } from './keyring.ts'
import { isShared, type PayloadSources, payloadFor } from './payload-for.ts'

/** Events as they go over the wire: signed anew for each sending, under the id they always had. */
export interface Frames {
  /** The block for one recipient, made for it; undefined when there is nothing left to be told. */
  of(event: StoredEvent, node: NodeRecord): Promise<string | undefined>
  /**
   * The same for an event that has just been committed. What is the same for all recipients is signed once: nobody can
   * have seen its nonce.
   */
  live(event: StoredEvent, node: NodeRecord): Promise<string | undefined>
  /** The same without an `id:` line, for what is sent once more out of its turn. */
  again(event: StoredEvent, node: NodeRecord): Promise<string | undefined>
  /** Tells a node to pull its state; its cursor is then at `seq`. */
  resync(seq: number, reason: string): Promise<string>
}

/** A signature that is shared must still be fresh for the last one who gets it. */
const maxAgeMs = 60_000
const maxShared = 256

export function createFrames(options: {
  epoch: string
  keyring: Keyring
  sources: PayloadSources
  clock: Clock
}): Frames {
  const { epoch, keyring, sources, clock } = options
  const shared = new Map<number, { frame: Promise<string>; atMs: number }>()

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

  function resync(event: Pick<StoredEvent, 'seq' | 'event_id'>, reason: string): Promise<string> {
    const id = formatPosition({ epoch, seq: event.seq })
    return frameOf({ ...event, event_type: 'resync' }, JSON.stringify({ reason }), id)
  }

  async function own(event: StoredEvent, node: NodeRecord): Promise<string | undefined> {
    const payload = await payloadFor(event, node, sources)
    if (payload === undefined) return undefined
    try {
      return await frameOf(event, payload, formatPosition({ epoch, seq: event.seq }))
    } catch (error) {
      // A single string longer than a line of the stream.
      if (!(error instanceof RangeError)) throw error
      return resync(event, `"${event.event_type}" is too long for the stream`)
    }
  }

  function sharedFrame(event: StoredEvent, node: NodeRecord): Promise<string | undefined> {
    const nowMs = clock.now()
    const known = shared.get(event.seq)
    if (known && nowMs - known.atMs < maxAgeMs) return known.frame
    const frame = own(event, node) as Promise<string> // a payload that is shared is always there
    shared.delete(event.seq)
    shared.set(event.seq, { frame, atMs: nowMs })
    const [oldest] = shared.keys()
    if (shared.size > maxShared && oldest !== undefined) shared.delete(oldest)
    return frame
  }

  return {
    of: own,
    live: (event, node) =>
      isShared(event.event_type) ? sharedFrame(event, node) : own(event, node),
    async again(event, node) {
      const payload = await payloadFor(event, node, sources)
      if (payload === undefined) return undefined
      // What is too long for a line was not sent the first time either.
      return frameOf(event, payload, undefined).catch((error: unknown) => {
        if (error instanceof RangeError) return undefined
        throw error
      })
    },
    resync: (seq, reason) => resync({ seq, event_id: newId('event') }, reason),
  }
}
