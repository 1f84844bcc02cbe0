import { type Static, Type } from 'typebox'
import { SignedAnnouncement } from './announcement.ts'

/** What somebody is to sign, so that his answer is no older one. */
export const Challenge = Type.String({ pattern: '^[A-Za-z0-9_-]{32,64}$' })

/** That whoever answers is this installation: its key that signs events has signed the challenge and the rest. */
export const InstallationProof = Type.Object({
  /** Of this run of the control plane: two addresses with the same one are one control plane. */
  life: Type.String({ maxLength: 128 }),
  /** Ed25519, in base64. */
  signature: Type.String({ maxLength: 128 }),
  /** The last one, which has a signature of its own: for a node that was away while whom it trusts was replaced. */
  announcement: Type.Optional(SignedAnnouncement),
})
export type InstallationProof = Static<typeof InstallationProof>

/** No event and no announcement begins like this. */
const textOf = (challenge: string, life: string) =>
  new TextEncoder().encode(`plexd-installation-1\n${challenge}\n${life}`)

export const newChallenge = (): string =>
  crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: 'base64url', omitPadding: true })

export async function proveInstallation(
  { challenge, life }: { challenge: string; life: string },
  privateKey: CryptoKey,
): Promise<InstallationProof> {
  const signature = await crypto.subtle.sign('Ed25519', privateKey, textOf(challenge, life))
  return { life, signature: new Uint8Array(signature).toBase64() }
}

export async function isProof(
  { life, signature }: InstallationProof,
  challenge: string,
  keys: readonly CryptoKey[],
): Promise<boolean> {
  for (const key of keys)
    if (await crypto.subtle.verify('Ed25519', key, decode(signature), textOf(challenge, life)))
      return true
  return false
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text)
  } catch {
    return new Uint8Array()
  }
}
