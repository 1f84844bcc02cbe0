import { isLoopback } from '@plexd/protocol'
import { optional, type Setting } from './setting.ts'

/** Where artifacts are, if not where the state is. */
export const artifactSettings = {
  artifactStore: optional({
    name: 'artifact-store',
    value: 'URL',
    otherwise: 'where the state is',
    help: 'bucket of an S3-compatible store that holds artifacts, as in s3://BUCKET/PREFIX?region=eu-central-1, or ?endpoint=https://s3.example.com; credentials are those of the environment and the files of AWS',
    read: parseArtifactStore,
  }),
} as const satisfies Record<string, Setting<unknown>>

/** A bucket, and how it is reached. */
export interface BucketPlace {
  bucket: string
  /** Of all keys: '' or with its slash at the end. */
  prefix: string
  /** Undefined is that of AWS. */
  endpoint: string | undefined
  region: string | undefined
  /** Whether the bucket is in the path, and not in the name of the host. */
  pathStyle: boolean
  /** Of an authority of one's own. */
  caFile: string | undefined
}

/** Of a setting that has been read. */
export function bucketPlace(text: string): BucketPlace {
  const { hostname, pathname, searchParams } = new URL(text)
  const path = pathname.replace(/^\/|\/$/g, '')
  const endpoint = searchParams.get('endpoint') ?? undefined
  const style = searchParams.get('path-style')
  return {
    bucket: hostname,
    prefix: path === '' ? '' : `${path}/`,
    endpoint,
    region: searchParams.get('region') ?? undefined,
    // Few who run a store have a name for each bucket.
    pathStyle: style === null ? endpoint !== undefined : style === 'true',
    caFile: searchParams.get('ca-file') ?? undefined,
  }
}

/** For messages, as in `s3://bucket/prefix`. */
export function nameOfBucket({ bucket, prefix }: BucketPlace): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '')
}

function parseArtifactStore(text: string, name: string): string {
  const url = URL.parse(text)
  const refuse = (why: string): never => {
    throw new Error(`read config: ${name}${shown(url)}: ${why}`)
  }
  if (url?.protocol !== 's3:') return refuse('want a URL, as in s3://BUCKET/PREFIX')
  if (url.username + url.password !== '')
    return refuse(
      'leave the credentials out: they are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the file of AWS_SHARED_CREDENTIALS_FILE',
    )
  if (!/^[A-Za-z0-9][\w.-]{1,62}$/.test(url.hostname) || url.port !== '' || url.hash !== '')
    return refuse('want a bucket behind "s3://", and its server as the parameter "endpoint"')
  if (!/^\/?$|^(\/[\w.-]+)+\/?$/.test(url.pathname))
    return refuse('a prefix has letters, digits, "_", "-", "." and slashes between them')
  for (const [parameter, value] of url.searchParams) {
    const want = parameters[parameter]
    if (!want || url.searchParams.getAll(parameter).length > 1)
      return refuse(
        `its parameter "${parameter}": want one of ${Object.keys(parameters).join(', ')}, each once`,
      )
    if (!want.isGood(value)) return refuse(`its parameter "${parameter}": want ${want.words}`)
  }
  return text
}

const parameters: Readonly<Record<string, { isGood(value: string): boolean; words: string }>> = {
  endpoint: {
    isGood: isEndpoint,
    words:
      'a URL without user and path, as in https://s3.example.com; over TLS, unless it is this machine',
  },
  region: {
    isGood: (value) => /^[a-z0-9-]+$/.test(value),
    words: 'the name of a region, as in eu-central-1',
  },
  'path-style': {
    isGood: (value) => /^(true|false)$/.test(value),
    words: 'true or false',
  },
  'ca-file': { isGood: (value) => value !== '', words: 'a file' },
}

function isEndpoint(value: string): boolean {
  const url = URL.parse(value)
  if (!url || url.href !== `${url.origin}/`) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/** Without what may be a secret, which is anywhere in a text that is no URL of ours. */
function shown(url: URL | null): string {
  return url?.protocol === 's3:' ? ` "s3://${url.host}${url.pathname}"` : ''
}
