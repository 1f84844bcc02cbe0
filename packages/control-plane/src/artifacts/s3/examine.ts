import type { BucketPlace } from '../../config/settings/artifacts.ts'
import { openClient } from './client.ts'
import { faultOf, type StoreFault } from './fault.ts'

/** Why the bucket cannot be listed, which is the least of what is wanted of it; undefined if it can. */
export async function examineBucket(place: BucketPlace): Promise<StoreFault | undefined> {
  const one = { Bucket: place.bucket, Prefix: place.prefix, MaxKeys: 1 }
  try {
    const client = await openClient(place)
    await client.listObjectsV2(one).finally(() => client.destroy())
    return undefined
  } catch (error) {
    return faultOf(error)
  }
}
