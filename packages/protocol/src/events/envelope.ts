import { compactJson, escapeHtml, rawMembers } from '../json/raw-json.ts'

/** The fields of an event that the signature covers: Ed25519 over `canonicalText`. `payload` is JSON text, and stays it throughout. */
export interface UnsignedEvent {
  event_type: string
  event_id: string
  /** Whole seconds and `Z`: all implementations format those the same way. */
  issued_at: string
  nonce: string
  payload: string
}

/** An event whose `issued_at` is further away than this is refused (wire contract, "Checks in order"). */
export const freshnessMs = 5 * 60_000

export function issuedAt(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** One compact object with exactly these fields in this order, escaped as Go's encoder does. */
export function canonicalText(event: UnsignedEvent): string {
  const text = (value: string): string => escapeHtml(JSON.stringify(value))
  return (
    `{"event_type":${text(event.event_type)},"event_id":${text(event.event_id)},` +
    `"issued_at":${text(event.issued_at)},"nonce":${text(event.nonce)},"payload":${compactJson(event.payload)}}`
  )
}

/** The envelope's text: the canonical text with the signature as its last field. */
export async function signEvent(event: UnsignedEvent, privateKey: CryptoKey): Promise<string> {
  const canonical = canonicalText(event)
  const signature = await crypto.subtle.sign(
    'Ed25519',
    privateKey,
    new TextEncoder().encode(canonical),
  )
  return `${canonical.slice(0, -1)},"signature":"${new Uint8Array(signature).toBase64()}"}`
}

/** A 32-byte Ed25519 public key in base64; throws for anything else. */
export async function importVerifyKey(base64: string): Promise<CryptoKey> {
  const bytes = Uint8Array.fromBase64(base64)
  if (bytes.length !== 32)
    throw new RangeError(`import signing key: want 32 bytes, got ${bytes.length}`)
  return crypto.subtle.importKey('raw', bytes, 'Ed25519', true, ['verify'])
}

/** The parts of an envelope as they were sent; throws a TypeError or SyntaxError for anything malformed. */
export function parseEnvelope(text: string): UnsignedEvent & { signature: string } {
  const members = rawMembers(text)
  const textOf = (name: string): string => {
    const value: unknown = JSON.parse(members.get(name) ?? '""')
    if (typeof value !== 'string') throw new TypeError(`parse envelope: "${name}" is not a string`)
    return value
  }
  const envelope = {
    event_type: textOf('event_type'),
    event_id: textOf('event_id'),
    issued_at: textOf('issued_at'),
    nonce: textOf('nonce'),
    payload: members.get('payload') ?? 'null',
    signature: textOf('signature'),
  }
  for (const name of ['event_type', 'event_id'] as const) {
    if (envelope[name] === '') throw new TypeError(`parse envelope: "${name}" is missing`)
  }
  return envelope
}

export type Refusal =
  | 'no signature'
  | 'no nonce'
  | 'no issue time'
  | 'stale'
  | 'from the future'
  | 'bad signature encoding'
  | 'bad signature'

/** Why an envelope is refused, or undefined if one of the keys made its signature. The caller checks that the nonce is new. */
export async function refusalOf(
  envelope: UnsignedEvent & { signature: string },
  { keys, nowMs }: { keys: readonly CryptoKey[]; nowMs: number },
): Promise<Refusal | undefined> {
  if (envelope.signature === '') return 'no signature'
  if (envelope.nonce === '') return 'no nonce'
  const issuedMs = Date.parse(envelope.issued_at)
  if (Number.isNaN(issuedMs)) return 'no issue time'
  if (nowMs - issuedMs > freshnessMs) return 'stale'
  if (issuedMs - nowMs > freshnessMs) return 'from the future'
  let signature: Uint8Array<ArrayBuffer>
  try {
    signature = Uint8Array.fromBase64(envelope.signature)
  } catch {
    return 'bad signature encoding'
  }
  const canonical = new TextEncoder().encode(
    canonicalText({ ...envelope, issued_at: goTime(envelope.issued_at) }),
  )
  for (const key of keys) {
    if (await crypto.subtle.verify('Ed25519', key, signature, canonical)) return undefined
  }
  return 'bad signature'
}

/** The time as Go prints it back: no trailing zeros in the fraction, at most nine digits, `Z` for `+00:00`. */
function goTime(text: string): string {
  const [, seconds = text, digits = '', zone = ''] =
    /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const fraction = digits.slice(0, 9).replace(/0+$/, '')
  return seconds + (fraction === '' ? '' : `.${fraction}`) + (zone === '+00:00' ? 'Z' : zone)
}
