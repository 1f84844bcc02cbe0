import { formatJoin, type Join } from '@plexd/protocol'
import { fingerprintOf } from '@plexd/runtime'
import type { Environment } from '../../app.ts'
import { demandAddress } from '../../installation/address.ts'

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
  return asked === undefined ? publicUrl() : demandAddress('url', asked)
}
