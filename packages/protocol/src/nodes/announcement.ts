import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { Count } from '../schemas/scalars.ts'

/** What a control plane says of itself to the nodes that it has: whom to trust as it, and where it will be. */
export const Announcement = Type.Object({
  /** Grows with each; a node never takes one that is older than what it has. */
  sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  /** Where it is to be found, the best first. Empty: where the node has it from. */
  urls: Type.Array(Type.String({ minLength: 1, maxLength: 2_048 }), { maxItems: 8 }),
  /** Certificates in PEM of all the authorities that may sign the server's certificate. Empty: those that the node trusts anyway. */
  authorities: Type.Array(Type.String({ minLength: 1, maxLength: 8_192 }), { maxItems: 8 }),
})
export type Announcement = Static<typeof Announcement>

/** Signed with the key that signs events, so that it is believed whatever connection it came by. */
export const SignedAnnouncement = Type.Object({
  /** JSON; the signature covers it as it is. */
  text: Type.String({ maxLength: 128 * 1_024 }),
  /** Ed25519, in base64. */
  signature: Type.String({ maxLength: 128 }),
})
export type SignedAnnouncement = Static<typeof SignedAnnouncement>

/** No event, and nothing else that this key signs, begins like this. */
const domain = 'plexd-announcement-1\n'

export async function signAnnouncement(
  announcement: Announcement,
  privateKey: CryptoKey,
): Promise<SignedAnnouncement> {
  const text = JSON.stringify(announcement)
  const signature = await crypto.subtle.sign('Ed25519', privateKey, bytesOf(text))
  return { text, signature: new Uint8Array(signature).toBase64() }
}

/** What one of the keys has signed. Throws a TypeError or RangeError that says what is wrong with it, whatever was received. */
export async function openAnnouncement(
  received: unknown,
  keys: readonly CryptoKey[],
): Promise<Announcement> {
  if (!Check(SignedAnnouncement, received)) throw fault('it is no text with a signature')
  if (!(await isSigned(received, keys)))
    throw new RangeError('read announcement: none of the known keys has signed it')
  const announcement = parse(received.text)
  if (!Check(Announcement, announcement))
    throw fault('it has no sequence, addresses and authorities')
  return announcement
}

async function isSigned(
  { text, signature }: SignedAnnouncement,
  keys: readonly CryptoKey[],
): Promise<boolean> {
  const bytes = parseBase64(signature)
  for (const key of keys)
    if (bytes && (await crypto.subtle.verify('Ed25519', key, bytes, bytesOf(text)))) return true
  return false
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text)
  } catch {
    return undefined
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(domain + text)

const fault = (why: string): TypeError => new TypeError(`read announcement: ${why}`)

/** What a node has made of an announcement, with each heartbeat. */
export const Heeded = Type.Object({
  /** Where it has its control plane. */
  url: Type.String(),
  /** The sequence of the last announcement that it took. */
  announcement: Count,
  /** Fingerprints of the authorities that it trusts. */
  authorities: Type.Array(Type.String()),
  /** Why it does not follow the announcement as a whole; empty for nothing. */
  problem: Type.String(),
})
export type Heeded = Static<typeof Heeded>
