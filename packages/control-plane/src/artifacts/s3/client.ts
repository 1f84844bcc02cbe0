import https from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import { proxyFor, readPlainFile, TunnelAgent } from '@plexd/runtime'
import type { BucketPlace } from '../../config/settings/artifacts.ts'

/** No answer, or not a byte of one: others may be slow to copy an object of half a gigabyte. */
const silenceMs = 60_000
const connectMs = 5_000

/** Nothing is asked yet. Throws if the file of an authority cannot be read. */
export function openClient({ endpoint, region, pathStyle, caFile }: BucketPlace): S3Client {
  // Those who download hold a connection each, for as long as they like.
  const agent = {
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    ...(caFile === undefined
      ? {}
      : { ca: readPlainFile(caFile, 'read the ca-file of artifact_store') }),
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
