import { createCipheriv, createHmac, type KeyObject } from 'node:crypto'
import { deriveKey } from './master-key.ts'

/** A node in a pair. The epoch grows whenever the node rotates its key, and with it every PSK of the node. */
export interface PskParty {
  id: string
  key_epoch: number
}

/** The keys all pair PSKs are derived from; made once, kept in memory. */
export interface PskMaster {
  /** Gives each party a name that nobody else can tell. */
  party: KeyObject
  /** Turns two names into a PSK. */
  pair: KeyObject
}

export function derivePskMaster(root: KeyObject): PskMaster {
  return { party: deriveKey(root, 'psk party'), pair: deriveKey(root, 'psk pair') }
}

/** What the PSKs of a tenant are derived from. Another epoch changes all of them. */
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
 * never stored (design, decision 3).
 *
 * AES-256 of blocks that each occur once is a pseudorandom function: a PSK is two blocks, each with the names of both
 * and a bit that tells them apart. A node of a large mesh needs thousands at once, and one HMAC for each takes 20 times
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
  // ECB is AES itself, block by block.
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

/** 63 bits of a digest: that two of a million parties share them is as likely as one in ten million. */
interface Name {
  first: number
  second: number
}

/** Records are immutable, so what was derived for one stays true. */
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
