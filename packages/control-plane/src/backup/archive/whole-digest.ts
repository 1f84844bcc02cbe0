/**
 * A SHA-256 of all that comes before, at the end of a compressed archive: a change of any byte is noticed, also in headers which
 * decompression ignores. It is a skippable frame (RFC 8878, section 3.1.2), which zstd passes over.
 */
import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'

const frameHead = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0])
const frameBytes = frameHead.length + 32

export function appendDigest(): Transform {
  const hash = createHash('sha256')
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      done(null, Buffer.concat([frameHead, hash.digest()]))
    },
  })
}

/** The bytes are not those that were written. */
export class Damaged extends Error {}

/** Passes on what comes before the digest, and ends with an error if that is another or missing. */
export function checkDigest(): Transform {
  const hash = createHash('sha256')
  let held = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const end = Math.max(0, all.length - frameBytes)
      held = Buffer.from(all.subarray(end))
      const before = all.subarray(0, end)
      hash.update(before)
      done(null, before)
    },
    flush(done) {
      const expected = Buffer.concat([frameHead, hash.digest()])
      done(held.equals(expected) ? null : new Damaged('it was cut off or changed'))
    },
  })
}
