import { silentLog } from '@plexd/runtime'
import { bucketPlace } from '../../config/settings/artifacts.ts'
import { openBucket } from '../s3/bucket.ts'
import { keysOf } from '../s3/keys.ts'
import { listObjects, listUploads } from '../s3/objects.ts'
import { openS3Artifacts } from '../s3/store.ts'
import type { ArtifactName, ArtifactStore } from '../store.ts'
import { startS3 } from './s3-server.ts'

/** A bucket of a server of its own, and the rows that the state would have. */
export async function makeBucketPlace() {
  const server = await startS3()
  const url = await server.createBucket()
  const place = bucketPlace(url)
  const stores = new DisposableStack()
  const bucket = stores.use(await openBucket(place))
  let aheadMs = 0
  const installations = new Map<string, Map<string, string>>()
  const idOf = (name: ArtifactName): string => Object.values(name).join('/')

  async function open(isKnown = true, installation = 'tn_own'): Promise<ArtifactStore> {
    const rows = installations.getOrInsertComputed(installation, () => new Map<string, string>())
    const store = stores.use(
      openS3Artifacts(await openBucket(place), {
        installation,
        checksumOf: async (name) => (isKnown ? rows.get(idOf(name)) : undefined),
        checksums: async () => (isKnown ? [...rows.values()] : []),
        now: () => Date.now() + aheadMs,
        log: silentLog,
      }),
    )
    await store.swept
    return withRows(store, rows, idOf)
  }

  return {
    server,
    bucket,
    open,
    /** From now on, what is opened believes that this much time has passed. */
    age(ms = 48 * 3_600_000) {
      aheadMs += ms
    },
    keys: (installation = 'tn_own') => keysOf(place.prefix, installation),
    objects: async (prefix = ''): Promise<string[]> =>
      (await listObjects(bucket, prefix)).map(({ key }) => key),
    async unnamed() {
      const { incoming } = keysOf(place.prefix, 'tn_own')
      const found = [listObjects(bucket, incoming), listUploads(bucket, incoming)]
      return (await Promise.all(found)).flat().length
    },
    async leaveHalf() {
      const Key = `${keysOf(place.prefix, 'tn_own').incoming}half`
      await bucket.ask((client) => client.createMultipartUpload({ Bucket: place.bucket, Key }))
      aheadMs += 48 * 3_600_000
    },
    async [Symbol.asyncDispose]() {
      stores.dispose()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** As an operation does it: the row after the bytes, and gone before them. */
function withRows(
  store: ArtifactStore,
  rows: Map<string, string>,
  idOf: (name: ArtifactName) => string,
): ArtifactStore {
  return {
    ...store,
    async receive(content, options) {
      const received = await store.receive(content, options)
      return {
        ...received,
        async keep(name) {
          await received.keep(name)
          rows.set(idOf(name), received.checksum)
        },
      }
    },
    async remove(name, checksum) {
      rows.delete(idOf(name))
      await store.remove(name, checksum)
    },
  }
}
