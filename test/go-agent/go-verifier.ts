import { createPublicKey, verify } from 'node:crypto'
import { goDecode } from './go-json.ts'
import { goEnvelope } from './go-types.ts'

export interface GoEvent {
  event_type: string
  event_id: string
  issued_at: string
  nonce: string
  payload: unknown
  signature: string
}

/** The keys as the Go agent holds them: the previous one counts until the transition expires. */
export interface GoKeys {
  current: string
  previous?: string
  transitionExpiresMs?: number
}

/** Checks events as the Go agent does (wire contract 3.5), with code of its own. */
export interface GoVerifier {
  keys: GoKeys
  /** The event; throws an Error that says which check failed. */
  verify(data: string, nowMs?: number): GoEvent
}

const windowMs = 5 * 60_000

export function createGoVerifier(keys: GoKeys): GoVerifier {
  const nonces = new Set<string>()
  const verifier: GoVerifier = {
    keys,
    verify(data, nowMs = Date.now()) {
      const event = goDecode(goEnvelope, data) as GoEvent // decoded into that struct
      if (event.event_type === '' || event.event_id === '') throw new Error('malformed event')
      if (event.signature === '') throw new Error('no signature')
      if (event.nonce === '') throw new Error('no nonce')
      const ageMs = nowMs - Date.parse(event.issued_at)
      if (ageMs > windowMs) throw new Error('stale')
      if (ageMs < -windowMs) throw new Error('from the future')
      const text = canonicalText(data)
      if (!trusted(verifier.keys, nowMs).some((key) => isSigned(text, event.signature, key)))
        throw new Error('bad signature')
      if (nonces.has(event.nonce)) throw new Error('replayed nonce')
      nonces.add(event.nonce)
      return event
    },
  }
  return verifier
}

/**
 * The text that Go would sign. It builds it anew from the parts and compacts the payload; so a control plane that
 * sends compact text in the order of the struct has signed what it sent, less the signature and the line breaks.
 */
function canonicalText(data: string): string {
  return data.replaceAll('\n', '').replace(/,"signature":"[A-Za-z0-9+/=]*"}$/, '}')
}

function trusted({ current, previous, transitionExpiresMs }: GoKeys, nowMs: number): string[] {
  return previous && nowMs < (transitionExpiresMs ?? 0) ? [current, previous] : [current]
}

function isSigned(text: string, signature: string, key: string): boolean {
  const bytes = Buffer.from(key, 'base64')
  // Ed25519.Verify of Go panics for any other length.
  if (bytes.length !== 32) throw new Error('panic: bad public key length')
  const publicKey = createPublicKey({
    key: Buffer.concat([spkiPrefix, bytes]),
    format: 'der',
    type: 'spki',
  })
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'))
}

// SubjectPublicKeyInfo of an Ed25519 key, RFC 8410 section 4, up to the key itself.
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
