import { createCipheriv, createHmac, type KeyObject } from 'node:crypto'
import { deriveKey } from './master-key.ts'

/** One node of a pair. The epoch grows with each key rotation, and changes all PSKs of the node. */
export interface PskParty {
  id: string
  key_epoch: number
}

/** The keys from which all pair PSKs are derived; created once, kept in memory. */
export interface PskMaster {
  /** Derives a name for each node that nobody else can compute. */
  party: KeyObject
  /** Derives a PSK from two names. */
  pair: KeyObject
}

export function derivePskMaster(root: KeyObject): PskMaster {
  return { party: deriveKey(root, 'psk party'), pair: deriveKey(root, 'psk pair') }
}

/** The tenant's input to PSK derivation. Another epoch changes all of its PSKs. */
export interface PskSource {
  master: PskMaster
  epoch: number
}

export function pairPsk(source: PskSource, own: PskParty, other: PskParty): string {
  const [psk = ''] = pairPsks(source, own, [other])
  return psk
}

/** The WireGuard PSKs of a node with others, in their order: 32 bytes each in base64, the same from both sides. */
export function pairPsks(
  source: PskSource,
  own: PskParty,
  others: readonly PskParty[],
): readonly string[] {
  const texts = pskTexts(source, own, others)
  return others.map((_, index) =>
    texts.toString('latin1', index * pskChars, (index + 1) * pskChars),
  )
}

/** Base64 of a PSK. */
export const pskChars = 44

/**
 * The same as bytes, `pskChars` for each. Derived, never stored.
 *
 * AES-256 over distinct blocks is a pseudorandom function: a PSK is two blocks, each with both names
 * and a bit that tells them apart. A node of a large mesh needs thousands at once, and an HMAC per PSK takes 20 times
 * as long (docs/decisions/0013).
 */
export function pskTexts(source: PskSource, own: PskParty, others: readonly PskParty[]): Buffer {
  const blocks = new DataView(new ArrayBuffer(others.length * pskBytes))
  const ownName = nameOf(source, own)
  for (const [index, other] of others.entries())
    writeBlocks(blocks, index * pskBytes, ownName, nameOf(source, other))
  // ECB mode is plain AES on each block.
  const cipher = createCipheriv('aes-256-ecb', source.master.pair, null).setAutoPadding(false)
  return inBase64(cipher.update(blocks))
}

/** All in one call instead of one for each. */
function inBase64(psks: Buffer): Buffer {
  const count = psks.length / pskBytes
  // With a zero byte behind it, a PSK ends on a whole group of four characters, of which the last is only padding.
  const padded = Buffer.alloc(count * (pskBytes + 1))
  for (let index = 0; index < count; index++)
    psks.copy(padded, index * (pskBytes + 1), index * pskBytes, (index + 1) * pskBytes)
  const texts = Buffer.from(padded.toString('base64'), 'latin1')
  for (let end = pskChars - 1; end < texts.length; end += pskChars) texts[end] = padding
  return texts
}

const padding = '='.charCodeAt(0)

const pskBytes = 32

function writeBlocks(to: DataView, at: number, one: Name, other: Name): void {
  const [low, high] = isBefore(one, other) ? [one, other] : [other, one]
  for (const half of [0, 1]) {
    const start = at + half * 16
    to.setUint32(start, low.first + half * 2 ** 31)
    to.setUint32(start + 4, low.second)
    to.setUint32(start + 8, high.first)
    to.setUint32(start + 12, high.second)
  }
}

function isBefore(one: Name, other: Name): boolean {
  return one.first === other.first ? one.second < other.second : one.first < other.first
}

/** 63 bits of a digest: among a million nodes, two share them with a probability of one in ten million. */
interface Name {
  first: number
  second: number
}

/** Cached, because records are immutable. */
const known = new WeakMap<PskParty, { source: PskMaster; epoch: number; name: Name }>()

function nameOf({ master, epoch }: PskSource, party: PskParty): Name {
  const before = known.get(party)
  if (before?.source === master && before.epoch === epoch) return before.name
  const text = JSON.stringify([party.id, party.key_epoch, epoch])
  const digest = createHmac('sha256', master.party).update(text).digest()
  const name = { first: digest.readUInt32BE(0) & 0x7fff_ffff, second: digest.readUInt32BE(4) }
  known.set(party, { source: master, epoch, name })
  return name
}
