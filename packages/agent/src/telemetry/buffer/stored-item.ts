import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { Count, validatorOf } from '@plexd/protocol'
import { type Static, Type } from 'typebox'

/** Positions count the records of a kind from the first on, sent or not; `at` is in milliseconds since 1970. */
const range = { first: Count, count: Count, at: Type.Number() }

/** What is on the disk of a kind, as items of its queue. */
export const StoredItem = Type.Union([
  /** Records that were written together: NDJSON as one member of gzip, in base64; and the bytes of it unpacked. */
  Type.Object({
    type: Type.Literal('records'),
    ...range,
    raw_bytes: Count,
    body: Type.String(),
  }),
  /** What stands for records that were dropped. */
  Type.Object({ type: Type.Literal('gap'), ...range, reason: Type.String() }),
  /** There is one: the position of the next record. */
  Type.Object({ type: Type.Literal('position'), epoch: Type.String(), next: Count }),
  /** There is one for each source. */
  Type.Object({ type: Type.Literal('cursor'), source: Type.String(), value: Type.String() }),
])
export type StoredItem = Static<typeof StoredItem>
export type StoredBlock = Extract<StoredItem, { first: number }>

const validator = validatorOf(StoredItem)

export function isStoredItem(value: unknown): value is StoredItem {
  return validator().Check(value)
}

const gzipAsync = promisify(gzip)
const gunzipAsync = promisify(gunzip)

export function packLines(lines: readonly string[]): Promise<Buffer> {
  return gzipAsync(lines.map((line) => `${line}\n`).join(''))
}

/** Members of gzip, one after the other. */
export async function unpackLines(packed: Uint8Array): Promise<string[]> {
  return (await gunzipAsync(packed)).toString().split('\n').slice(0, -1)
}
