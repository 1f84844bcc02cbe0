import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { getAsset, isSea } from 'node:sea'
import { type Release, releaseStatement } from '@plexd/protocol'
import { readPlainFile } from '@plexd/runtime'

/** Whose signatures this plexd trusts: the keys in the settings, and those that its build has. */
export function loadReleaseKeys(configured: readonly string[]): KeyObject[] {
  const embedded = isSea() ? keysIn(getAsset('release-keys.pem', 'utf8')) : []
  return [...configured.flatMap(readKeys), ...embedded]
}

/** Throws an Error that says what is wrong with the signature, in base64. */
export function checkSignature(
  release: Release,
  signature: string,
  keys: readonly KeyObject[],
): void {
  if (keys.length === 0)
    throw new Error(
      'no release key is trusted on this node: put the public key of the builds into upgrade.keys',
    )
  if (signature === '')
    throw new Error(
      'the build has no signature: upload it again with "plexctl artifact upload --signature"',
    )
  const statement = Buffer.from(releaseStatement(release))
  const bytes = Buffer.from(signature, 'base64')
  // Decoding passes over what is no base64, and over bits that the last character has too many: nothing may differ unnoticed.
  const isWhole = bytes.toString('base64') === signature
  if (!isWhole || !keys.some((key) => verify(null, statement, key, bytes)))
    throw new Error(
      `the signature is by none of the ${keys.length} release keys that this node trusts, or of another build than plexd ${release.version} with ${release.checksum}`,
    )
}

/** 32 bytes in base64: one of 64 such keys begins as a path does, but no path has this length and ending by chance. */
const rawKey = /^[A-Za-z0-9+/]{43}=$/

/** A setting is the path of a file with keys in PEM, or a key: 32 bytes in base64. */
function readKeys(setting: string): KeyObject[] {
  if (rawKey.test(setting) || !setting.startsWith('/')) return [keyOf(setting)]
  const title = `read release keys "${setting}"`
  const keys = keysIn(readPlainFile(setting, title))
  if (keys.length === 0) throw new Error(`${title}: it holds no public key in PEM`)
  return keys
}

function keysIn(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? []
  return blocks.map((block) => createPublicKey(block))
}

function keyOf(base64: string): KeyObject {
  const x = Buffer.from(base64, 'base64').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
