import { X509Certificate } from 'node:crypto'
import { type Announcement, readHttpsAddress } from '@plexd/protocol'

/**
 * Whether an announcement that is signed is newer than what this node has. Throws a RangeError for one that cannot be followed:
 * a signature says who wrote it, not that it makes sense. Pure.
 */
export function isNews(next: Announcement, last: Announcement | undefined): boolean {
  if (next.sequence <= (last?.sequence ?? 0)) return false
  for (const url of next.urls) checkUrl(url)
  for (const pem of next.authorities) checkAuthority(pem)
  return true
}

/** Whatever was allowed for the address that the node has: a bearer token goes there. */
function checkUrl(text: string): void {
  if (readHttpsAddress(text) === undefined)
    throw new RangeError(`address ${quote(text)}: want https://HOST[:PORT]`)
}

function checkAuthority(pem: string): void {
  if (!isAuthority(pem))
    throw new RangeError(`authority ${quote(pem)}: want the certificate of an authority, in PEM`)
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca
  } catch {
    return false
  }
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 128))
