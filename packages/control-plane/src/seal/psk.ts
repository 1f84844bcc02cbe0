import { createHmac, type KeyObject } from 'node:crypto'
import { deriveKey, type MasterKey } from './master-key.ts'

/** A node in a pair. The epoch grows whenever the node rotates its key, and with it every PSK of the node. */
export interface PskParty {
  id: string
  key_epoch: number
}

/** What the PSKs of a tenant are derived from. Another epoch changes all of them. */
export interface PskSource {
  master: KeyObject
  epoch: number
}

/** The key all pair PSKs are derived from; made once, kept in memory. */
export function derivePskMaster(masterKey: MasterKey): KeyObject {
  return deriveKey(masterKey, 'pair psk')
}

/** The WireGuard PSK of a pair, 32 bytes in base64; the same from both sides. Derived, never stored (design, decision 3). */
export function pairPsk({ master, epoch }: PskSource, a: PskParty, b: PskParty): string {
  const [low, high] = a.id < b.id ? [a, b] : [b, a]
  // JSON, so that no two pairs share a spelling. Before there were epochs of tenants there was no fifth part.
  const pair = JSON.stringify([
    low.id,
    low.key_epoch,
    high.id,
    high.key_epoch,
    ...(epoch === 0 ? [] : [epoch]),
  ])
  // HKDF-Expand, RFC 5869 section 2.3, to one block: the master is a pseudorandom key already. A node of a large mesh
  // needs thousands of these at once, and a whole HKDF takes four times as long.
  return createHmac('sha256', master).update(pair).update('\x01').digest('base64')
}
