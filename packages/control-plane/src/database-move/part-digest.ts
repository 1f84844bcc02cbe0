import { type CopiedRow, createRowDigest } from '../store/copy/rows.ts'
import type { RecordKind } from '../telemetry/packs/kinds.ts'
import type { BlobsDigest } from './blobs-digest.ts'

/** Telemetry of one kind and day, or all series, on both sides. */
export interface CopiedPart {
  kind: RecordKind | 'series'
  /** On which it came, in UTC; undefined of series. */
  day?: string
  source: PartDigest
  target: PartDigest
}

/** `items` are records, or hours of a node; the digest is over all that is stored of them. */
export type PartDigest = BlobsDigest

/** Of rows with these columns. */
export function createPartDigest(columns: readonly string[]) {
  const rows = createRowDigest({ columns })
  let items = 0
  let bytes = 0
  return {
    add(row: CopiedRow, size: { items: number; bytes: number }): void {
      rows.add(row)
      items += size.items
      bytes += size.bytes
    },
    result: (): PartDigest => ({ items, bytes, digest: rows.result().digest }),
  }
}

export function demandSamePart(part: CopiedPart): CopiedPart {
  const { source, target } = part
  if (source.digest === target.digest && source.items === target.items) return part
  throw new Error(
    `its ${source.items} records with ${source.bytes} bytes came back as others: ${target.items} with ${target.bytes} bytes: nothing was taken over`,
  )
}
