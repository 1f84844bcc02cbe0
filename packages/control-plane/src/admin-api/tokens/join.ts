import { ApiError, formatJoin, type Join, readHttpsAddress } from '@plexd/protocol'
import { fingerprintOf } from '@plexd/runtime'
import type { Environment } from '../../app.ts'

/** With the fingerprint of our authority, if nodes need it. */
export function joinString(
  join: Omit<Join, 'ca'>,
  { authority }: Pick<Environment, 'authority'>,
): string {
  const pem = authority()
  return formatJoin(pem === undefined ? join : { ...join, ca: fingerprintOf(pem) })
}

/** The address that was asked for, or the public one. Throws unless a node can be told of it. */
export function joinUrl(
  asked: string | undefined,
  { publicUrl }: Pick<Environment, 'publicUrl'>,
): string {
  if (asked === undefined) return publicUrl()
  const address = readHttpsAddress(asked)
  if (address !== undefined) return address
  throw new ApiError(
    'bad_request',
    `url ${JSON.stringify(asked.slice(0, 256))}: want https://HOST[:PORT]`,
  )
}
