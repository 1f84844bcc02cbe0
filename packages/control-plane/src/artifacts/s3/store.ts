import { Readable } from 'node:stream'
import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import { measure } from '../measure.ts'
import { type ArtifactName, type ArtifactStore, checkArtifactName } from '../store.ts'
import type { Bucket } from './bucket.ts'
import { download, sizeOf } from './download.ts'
import { isNoObject } from './fault.ts'
import { keysOf } from './keys.ts'
import { copyObject, deleteObject } from './objects.ts'
import { sweep } from './sweep.ts'
import { upload } from './upload.ts'

interface ArtifactsOptions {
  /** Its id. */
  installation: string
  /** The checksum in the row of that name; undefined if there is none. */
  checksumOf(name: ArtifactName): Promise<string | undefined>
  /** Of all rows. */
  checksums(): Promise<string[]>
  now: () => number
  log: Log
}

/**
 * Artifacts as objects whose keys are their checksums; the names are in the rows alone. What was uploaded is an object under another key first,
 * since its checksum is known at the end only, and is copied within the store. `swept` resolves when what an earlier run has left is gone,
 * or the store was not reached: who is served does not wait for that.
 */
export function openS3Artifacts(
  bucket: Bucket,
  { installation, checksumOf, checksums, now, log }: ArtifactsOptions,
): ArtifactStore & Disposable & { swept: Promise<void> } {
  const keys = keysOf(bucket.place.prefix, installation)
  const exclusive = createSerialQueue()
  const discard = (key: string): Promise<void> =>
    deleteObject(bucket, key).catch((error: unknown) =>
      log.warn('object not removed, a later start does that', { key, error }),
    )

  return {
    async receive(content, options) {
      const key = `${keys.incoming}${crypto.randomUUID()}`
      const { pieces, result } = measure(content, options)
      const found = await upload(bucket, key, { pieces, check: result })
      let isMoved = false
      return {
        ...found,
        async keep(name) {
          checkArtifactName(name)
          await copyObject(bucket, key, keys.of(found.checksum))
          isMoved = true
          await discard(key)
        },
        async [Symbol.asyncDispose]() {
          if (!isMoved) await discard(key)
        },
      }
    },
    async open(name) {
      checkArtifactName(name)
      const checksum = await checksumOf(name)
      if (checksum === undefined) return undefined
      const key = keys.of(checksum)
      const size = await sizeOf(bucket, key).catch(undefinedIfNone)
      if (size === undefined) return undefined
      const read = (bytes: { start: number; end: number }): Readable =>
        Readable.from(download(bucket, key, bytes), { objectMode: false })
      return { size, checksum, read, close: async () => {} }
    },
    async remove(_name, checksum) {
      if (!(await checksums()).includes(checksum)) await discard(keys.of(checksum))
    },
    exclusive,
    swept: sweep(bucket, { keys, checksums, exclusive, nowMs: now() }).then(
      (missing) => {
        if (missing.length > 0)
          log.warn('artifacts are not in their store, upload them again', { checksums: missing })
      },
      (error: unknown) => log.debug('artifact store not swept', { error: describeError(error) }),
    ),
    [Symbol.dispose]: () => bucket[Symbol.dispose](),
  }
}

function undefinedIfNone(error: unknown): undefined {
  if (!isNoObject(error)) throw error
}
