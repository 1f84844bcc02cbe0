import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { unmapAddress } from '@plexd/runtime'
import { matcherOf } from './proxies/address-ranges.ts'

/** What is read of a request to know whose it is. */
export interface Sender {
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** From which address a request comes; the empty text on a Unix socket. */
export type AddressOf = (request: Sender) => string

/** Addresses that are looked at in a chain, from its end: each proxy adds one. */
const maxHops = 32

/**
 * The address of the connection; of one that a trusted proxy has opened, what the proxy says of its own peer, and so on up to the first
 * address that is no trusted proxy. What stands in front of that was written by who knows whom. If the two headers disagree, one of them is
 * not the proxy's, and neither counts. `trusted` are ranges, IPv4 or IPv6.
 */
export function createAddressOf(trusted: readonly string[]): AddressOf {
  const isTrusted = matcherOf(trusted)
  return ({ headers, socket }) => {
    const peer = plainAddress(socket.remoteAddress ?? '') ?? ''
    if (!isTrusted(peer)) return peer
    const clients = chainsIn(headers).map((chain) => clientOf(peer, chain, isTrusted))
    return new Set(clients).size === 1 ? (clients[0] ?? peer) : peer
  }
}

function clientOf(
  peer: string,
  chain: readonly (string | undefined)[],
  isTrusted: (address: string) => boolean,
): string {
  let client = peer
  for (const address of chain.slice(-maxHops).reverse()) {
    // A proxy that does not know or tell whose request it is: then it is the proxy's.
    if (address === undefined) return client
    client = address
    if (!isTrusted(address)) return client
  }
  return client
}

/** Of each header that is there, oldest first; undefined for what is no address. */
function chainsIn(headers: IncomingHttpHeaders): (string | undefined)[][] {
  const textOf = (name: string): string => [headers[name] ?? []].flat().join(',')
  const [plain, named] = [textOf('x-forwarded-for'), textOf('forwarded')]
  return [
    ...(plain === '' ? [] : [plain.split(',').map(plainAddress)]),
    ...(named === '' ? [] : [named.split(',').map((part) => plainAddress(forIn(part)))]),
  ]
}

/** Of an element of `Forwarded` (RFC 7239, section 4). */
function forIn(part: string): string {
  return /(?:^|;)\s*for=("[^"]*"|[^;]*)/i.exec(part)?.[1]?.replaceAll('"', '') ?? ''
}

/** Without brackets, port and zone, an IPv4 address in an IPv6 one as itself. Undefined for what is none, such as `unknown`. */
function plainAddress(given: string): string | undefined {
  const text = given.trim()
  // Longer than any address with a zone and a port.
  if (text.length > 100) return undefined
  const [, bracketed] = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text) ?? []
  const [, before] = /^([^:]+):\d{1,5}$/.exec(text) ?? []
  const address = (bracketed ?? before ?? text).replace(/%[^%]*$/, '').toLowerCase()
  const version = isIP(address)
  if (version === 0 || (bracketed !== undefined && version !== 6)) return undefined
  return unmapAddress(address)
}
