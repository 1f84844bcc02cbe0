import { randomFillSync } from 'node:crypto'

/** Of AES-GCM (NIST SP 800-38D, section 8.2.2). */
export const nonceBytes = 12

/** Random bytes cost the same however few they are, so that many nonces are made at once. */
const pool = Buffer.alloc(nonceBytes * 256)
let used = pool.length

/** Random, and never given twice. */
export function newNonce(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += nonceBytes
  return Buffer.from(pool.subarray(used - nonceBytes, used)) // a copy: the pool is filled anew
}
