import {
  importVerifyKey,
  parseEnvelope,
  passedBound,
  type Refusal,
  refusalOf,
  type SigningKeys,
  type UnsignedEvent,
} from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Limits } from '../../config/limits.ts'
import type { StreamMemory } from './memory.ts'

export type Verdict =
  | { event: UnsignedEvent; refusal?: undefined }
  | { event?: undefined; refusal: Refusal | 'malformed' | 'replayed'; eventId: string }

/** Checks that the text of an envelope is a fresh event of our control plane, seen for the first time. */
export type VerifyEvent = (text: string) => Promise<Verdict>

/** `keys` is called for each event, because the set changes with the desired state. */
export function createEventVerifier(
  memory: StreamMemory,
  keys: () => SigningKeys,
  { clock, limits }: { clock: Clock; limits: EventLimits },
): VerifyEvent {
  const imported = new Map<string, Promise<CryptoKey>>()

  function importOnce(base64: string): Promise<CryptoKey> {
    const known = imported.get(base64)
    if (known) return known
    if (imported.size >= 4) imported.clear()
    const key = importVerifyKey(base64)
    imported.set(base64, key)
    return key
  }

  return async (text) => {
    const envelope = parse(text, limits)
    if (!envelope) return { refusal: 'malformed', eventId: '' }
    const nowMs = clock.now()
    const usable = await Promise.all(usableKeys(keys(), nowMs).map(importOnce))
    const refusal = await refusalOf(envelope, { keys: usable, nowMs })
    if (refusal) return { refusal, eventId: envelope.event_id }
    // Only now: otherwise a forger could use up the nonce of the real event.
    if (memory.meetNonce(envelope.nonce, Date.parse(envelope.issued_at))) {
      return { refusal: 'replayed', eventId: envelope.event_id }
    }
    return { event: envelope }
  }
}

/** The previous key is valid until the transition ends; one without an end has expired. */
export function usableKeys(keys: SigningKeys, nowMs: number): string[] {
  const { current, previous, transition_expires } = keys
  if (!previous || !transition_expires) return [current]
  return nowMs < Date.parse(transition_expires) ? [current, previous] : [current]
}

type EventLimits = Pick<Limits, 'event_characters' | 'event_values'>

/** Longer events are replaced by a pull; see event-reader.ts. */
function parse(
  text: string,
  { event_characters, event_values: maxValues }: EventLimits,
): ReturnType<typeof parseEnvelope> | undefined {
  // A UTF-16 unit is at most three bytes of UTF-8; a surrogate pair is four.
  if (passedBound(text, { maxBytes: 3 * event_characters, maxDepth: 64, maxValues }))
    return undefined
  try {
    return parseEnvelope(text)
  } catch {
    return undefined // the caller counts and logs refusals
  }
}
