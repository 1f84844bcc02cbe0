import { createHash } from 'node:crypto'

export interface BlobsDigest {
  items: number
  bytes: number
  /** SHA-256 over all, with their names, in hex. */
  digest: string
}

/** What is beside the state and was copied with it, on both sides. */
export interface CopiedBlobs {
  what: 'recordings' | 'artifacts'
  source: BlobsDigest
  target: BlobsDigest
}

export function createBlobsDigest() {
  const hash = createHash('sha256')
  let items = 0
  let total = 0
  return {
    item(name: string): void {
      items++
      hash.update(`${name.length}:${name}`)
    },
    add(bytes: Uint8Array): void {
      total += bytes.length
      hash.update(bytes)
    },
    result: (): BlobsDigest => ({ items, bytes: total, digest: hash.digest('hex') }),
  }
}

export function demandSameBlobs(copied: CopiedBlobs): CopiedBlobs {
  const { what, source, target } = copied
  if (source.digest === target.digest && source.items === target.items) return copied
  throw new Error(
    `copy ${what}: ${source.items} with ${source.bytes} bytes came back as others: ${target.items} with ${target.bytes} bytes: nothing was taken over`,
  )
}
