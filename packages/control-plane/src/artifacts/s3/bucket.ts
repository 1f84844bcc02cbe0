import { readFileSync } from 'node:fs'
import https from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import { ApiError } from '@plexd/protocol'
import { type Log, proxyFor, silentLog, TunnelAgent } from '@plexd/runtime'
import { type BucketPlace, nameOfBucket } from '../../config/settings/artifacts.ts'
import { faultOf, isNoObject } from './fault.ts'

/** One bucket of a store. Disposing closes its connections. */
export interface Bucket extends Disposable {
  readonly place: BucketPlace
  readonly client: S3Client
  /** Runs what is asked of the store. Throws an ApiError (503) for whatever it does not do; an object that is missing is its own error. */
  ask<T>(work: (client: S3Client) => Promise<T>): Promise<T>
}

/** No answer, or not a byte of one: others may be slow to copy an object of half a gigabyte. */
const silenceMs = 60_000
const connectMs = 5_000

/** Nothing is asked yet. `log` is told when the store goes away, and when it is back. */
export function openBucket(place: BucketPlace, log: Log = silentLog): Bucket {
  const client = openClient(place)
  const artifact_store = nameOfBucket(place)
  let isAway = false
  return {
    place,
    client,
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
        throw new ApiError('unavailable', `use the artifact store: ${why}`, {
          cause: error,
          retryAfterSeconds: 10,
        })
      }
    },
    [Symbol.dispose]: () => client.destroy(),
  }
}

function openClient({ endpoint, region, pathStyle, caFile }: BucketPlace): S3Client {
  // Those who download hold a connection each, for as long as they like.
  const agent = {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  }
  const proxyUrl = proxyFor(endpoint ?? 'https://s3.amazonaws.com', process.env)
  return new S3Client({
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...regionOf({ endpoint, region }),
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: silenceMs,
      httpAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
      httpsAgent:
        proxyUrl === undefined ? new https.Agent(agent) : new TunnelAgent(agent, { proxyUrl }),
    },
  })
}

/** Stores other than that of AWS mostly have none, and want one all the same. */
function regionOf({ endpoint, region }: Pick<BucketPlace, 'endpoint' | 'region'>) {
  if (region !== undefined) return { region }
  return endpoint === undefined ? {} : { region: process.env.AWS_REGION ?? 'us-east-1' }
}
