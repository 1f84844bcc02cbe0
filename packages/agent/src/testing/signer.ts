import { formatEvent, issuedAt, type SigningKeys, signEvent } from '@plexd/protocol'
import { type Clock, systemClock } from '@plexd/runtime'

export interface TestEvent {
  id?: string
  type?: string
  eventId?: string
  nonce?: string
  issuedMs?: number
  /** In place of what `issuedMs` comes to. */
  issuedAt?: string
  payload?: unknown
}

/** A signing control plane without a network. */
export interface TestSigner {
  privateKey: CryptoKey
  keys: SigningKeys
  envelope(event?: TestEvent): Promise<string>
  /** The envelope as a block of the stream. */
  block(event?: TestEvent): Promise<string>
}

export async function createTestSigner(
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<TestSigner> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { privateKey, publicKey } = pair as { privateKey: CryptoKey; publicKey: CryptoKey } // Ed25519 makes two
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  let count = 0

  function envelope(event: TestEvent = {}): Promise<string> {
    count++
    const { type = 'policy_updated', eventId = `evt_${count}`, nonce = crypto.randomUUID() } = event
    const issued_at = event.issuedAt ?? issuedAt(event.issuedMs ?? clock.now())
    const payload = JSON.stringify(event.payload ?? {})
    return signEvent({ event_type: type, event_id: eventId, issued_at, nonce, payload }, privateKey)
  }

  return {
    privateKey,
    keys: { current: raw.toBase64() },
    envelope,
    block: async (event = {}) =>
      formatEvent({
        id: event.id ?? `1-${count + 1}`,
        event: event.type ?? 'x',
        data: await envelope(event),
      }),
  }
}
