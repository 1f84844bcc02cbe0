import { describeError } from '@plexd/runtime'

/** Why the store does not do what it was asked. */
export interface StoreFault {
  why: string
  remedy: string
}

const accessRemedy =
  'let these credentials list the bucket (s3:ListBucket, s3:ListBucketMultipartUploads), and read, write and delete objects in it (s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload)'
const credentialsRemedy =
  'give the control plane good ones, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment, or in the file that AWS_SHARED_CREDENTIALS_FILE names'

/** By what the store calls it; its own texts may quote what was sent. */
const faults: readonly (readonly [RegExp, why: string, remedy: string])[] = [
  [/^NoSuchBucket$/, 'there is no such bucket', 'make it, or name another one with artifact_store'],
  [
    /^(CredentialsProviderError|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired)$/,
    'there are no credentials that it accepts',
    credentialsRemedy,
  ],
  [/^(AccessDenied|AllAccessDisabled|AccountProblem)$/, 'it denies access', accessRemedy],
  [
    /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    'the bucket is in another region',
    'name that with the parameter "region" of artifact_store',
  ],
  [
    /^RequestTimeTooSkewed$/,
    'the clocks of the two machines differ by minutes',
    'timedatectl set-ntp true',
  ],
]
const reachRemedy = 'see whether it runs, and is reached from this machine'

/** Pure. The name is what a store says; where it says none that is known, its status counts. */
export function faultOf(error: unknown): StoreFault {
  const { name, status } = nameOf(error)
  const known = faults.find(([pattern]) => pattern.test(name))
  if (known) return { why: `${known[1]} (${name})`, remedy: known[2] }
  if (status === 401 || status === 403)
    return { why: `it denies access (${name})`, remedy: accessRemedy }
  if (status !== undefined)
    return { why: `it answers with status ${status} (${name})`, remedy: reachRemedy }
  if (/^Region is missing$/.test(describeError(error)))
    return {
      why: 'no region is known',
      remedy: 'name it with the parameter "region" of artifact_store',
    }
  return { why: `it does not answer: ${describeError(error)}`, remedy: reachRemedy }
}

/** Whether it says that there is no such object. */
export function isNoObject(error: unknown): boolean {
  const { name, status } = nameOf(error)
  return status === 404 && (name === 'NoSuchKey' || name === 'NotFound')
}

function nameOf(error: unknown): { name: string; status: number | undefined } {
  const { name = '', $metadata } = (error ?? {}) as {
    name?: string
    $metadata?: { httpStatusCode?: number }
  }
  return { name, status: $metadata?.httpStatusCode }
}
