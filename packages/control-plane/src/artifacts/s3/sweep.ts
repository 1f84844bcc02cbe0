import type { Bucket } from './bucket.ts'
import type { Keys } from './keys.ts'
import { abortUpload, deleteObject, listObjects, listUploads } from './objects.ts'

/** A younger one may be what a control plane is still receiving that has lost its turn. */
const ageMs = 24 * 3_600_000

export interface SweepOptions {
  keys: Keys
  /** Of the artifacts that the state has. */
  checksums(): Promise<string[]>
  exclusive<T>(work: () => Promise<T>): Promise<T>
  nowMs: number
}

/** Removes what a crash has left a day ago or earlier: uploads, and objects that no row has. Returns the checksums of those that are missing. */
export async function sweep(
  bucket: Bucket,
  { keys, checksums, exclusive, nowMs }: SweepOptions,
): Promise<string[]> {
  const isOld = ({ changedMs }: { changedMs: number }): boolean => changedMs < nowMs - ageMs
  const wanted = await checksums()
  const objects = await listObjects(bucket, keys.all)
  for (const { key } of objects.filter(isOld))
    await exclusive(async () => {
      // Asked for each anew: the same bytes may have been uploaded meanwhile.
      if (!(await checksums()).some((checksum) => keys.of(checksum) === key))
        await deleteObject(bucket, key)
    })
  for (const upload of (await listUploads(bucket, keys.incoming)).filter(isOld))
    await abortUpload(bucket, upload)
  const there = new Set(objects.map(({ key }) => key))
  return wanted.filter((checksum) => !there.has(keys.of(checksum)))
}
