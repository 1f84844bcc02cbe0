import https from 'node:https'
import type { S3 } from '@aws-sdk/client-s3'
import { proxyFor, readPlainFile, TunnelAgent } from '@plexd/runtime'
import type { BucketPlace } from '../../config/settings/artifacts.ts'

/** No answer, or not a byte of one: others may be slow to copy an object of half a gigabyte. */
const silenceMs = 60_000
const connectMs = 5_000

/** Nothing is asked yet. Rejects if the file of an authority cannot be read. */
export async function openClient({
  endpoint,
  region,
  pathStyle,
  caFile,
}: BucketPlace): Promise<S3> {
  // Loaded lazily: it is larger than all else of a small installation, and in a single file it is an asset.
  const { S3 } = await import('@aws-sdk/client-s3')
  // Those who download hold a connection each, for as long as they like.
  const agent = {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    ...(caFile === undefined
      ? {}
      : { ca: readPlainFile(caFile, 'read the ca-file of artifact_store') }),
  }
  const proxyUrl = proxyFor(endpoint ?? 'https://s3.amazonaws.com', process.env)
  return new S3({
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
