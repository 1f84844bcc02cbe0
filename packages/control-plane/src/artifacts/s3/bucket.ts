import type { S3 } from '@aws-sdk/client-s3'
import { ApiError } from '@plexd/protocol'
import { type Log, silentLog } from '@plexd/runtime'
import { type BucketPlace, nameOfBucket } from '../../config/settings/artifacts.ts'
import { openClient } from './client.ts'
import { faultOf, isNoObject } from './fault.ts'

/** One bucket of a store. Disposing closes its connections. */
export interface Bucket extends Disposable {
  readonly place: BucketPlace
  /** Runs what is asked of the store. Throws an ApiError (503) for whatever it does not do; an object that is missing is its own error. */
  ask<T>(work: (client: S3) => Promise<T>): Promise<T>
}

/** Nothing is asked yet. `log` is told when the store goes away, and when it is back. */
export async function openBucket(place: BucketPlace, log: Log = silentLog): Promise<Bucket> {
  const client = await openClient(place)
  const artifact_store = nameOfBucket(place)
  let isAway = false
  return {
    place,
    async ask(work) {
      try {
        const result = await work(client)
        if (isAway) log.info('artifact store answers again', { artifact_store })
        isAway = false
        return result
      } catch (error) {
        if (isNoObject(error)) throw error
        const { why, remedy } = faultOf(error)
        if (!isAway)
          log.warn('artifact store not usable, artifacts are answered 503 until it is', {
            ...{ artifact_store, why, remedy },
          })
        isAway = true
        // Without its cause, of which each request would be a line in the log.
        throw new ApiError('unavailable', `use the artifact store: ${why}`, {
          retryAfterSeconds: 10,
        })
      }
    },
    [Symbol.dispose]: () => client.destroy(),
  }
}
