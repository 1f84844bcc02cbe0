import { lookup } from 'node:dns/promises'
import { isIP, isIPv6 } from 'node:net'
import type { Address } from '@plexd/runtime'
import { describeError, type Log } from '@plexd/runtime'

/** `stun.example.org`, `stun.example.org:19302`, `192.0.2.1`, `[2001:db8::1]:3478`. Throws a RangeError that quotes it. */
export function parseStunServer(text: string): { host: string; port: number } {
  const [, ipv6, name, digits = '3478'] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = ipv6 ?? name
  const port = Number(digits)
  if (host === undefined || (ipv6 !== undefined && !isIPv6(ipv6)) || port < 1 || port > 65_535)
    throw new RangeError(`STUN server "${text}": want host:port`)
  return { host, port }
}

/** The addresses of all servers, two of each at most, IPv4 before IPv6. Servers whose names do not resolve are left out. */
export async function resolveStunServers(servers: readonly string[], log: Log): Promise<Address[]> {
  const found = await Promise.all(servers.map((server) => resolveServer(server, log)))
  const all = found.flat()
  const isSecond = ({ address }: Address): boolean => isIPv6(address)
  return [...all.filter((server) => !isSecond(server)), ...all.filter(isSecond)]
}

async function resolveServer(server: string, log: Log): Promise<Address[]> {
  const { host, port } = parseStunServer(server)
  if (isIP(host)) return [{ address: host, port }]
  try {
    const addresses = await withinReason(lookup(host, { all: true, order: 'ipv4first' }))
    const [first, ...others] = addresses
    const ofOtherFamily = others.find(({ family }) => family !== first?.family)
    return [first, ofOtherFamily].flatMap((found) =>
      found ? [{ address: found.address, port }] : [],
    )
  } catch (error) {
    log.debug('STUN server cannot be resolved', { server, error: describeError(error) })
    return []
  }
}

const patienceMs = 1_000

/** The resolver of the system takes up to half a minute to say that no name server answers. */
async function withinReason<Result>(lookup: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no answer within a second')), patienceMs)
  try {
    return await Promise.race([lookup, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
