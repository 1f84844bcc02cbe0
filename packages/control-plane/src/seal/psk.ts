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

/**
 * The WireGuard PSKs of a node with others, in their order: 32 bytes each in base64, the same from both sides. Derived,
 * never stored.
 *
 * AES-256 over distinct blocks is a pseudorandom function: a PSK is two blocks, each with both names
 * and a bit that tells them apart. A node of a large mesh needs thousands at once, and an HMAC per PSK takes 20 times
 * as long (docs/decisions/0013).
 */
export function pairPsks(
  source: PskSource,
  own: PskParty,
  others: readonly PskParty[],
): readonly string[] {
  const blocks = new DataView(new ArrayBuffer(others.length * pskBytes))
  const ownName = nameOf(source, own)
  for (const [index, other] of others.entries())
    writeBlocks(blocks, index * pskBytes, ownName, nameOf(source, other))
  // ECB mode is plain AES on each block.
  const cipher = createCipheriv('aes-256-ecb', source.master.pair, null).setAutoPadding(false)
  const psks = cipher.update(blocks)
  return others.map((_, index) => psks.toString('base64', index * pskBytes, (index + 1) * pskBytes))
}

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
