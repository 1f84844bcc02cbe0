import { isIPv6 } from 'node:net'
import { parseList } from './values.ts'

/** As many as an answer to a node has room for. */
export const maxStunServers = 16

/** Each with its port. */
export function readStunServers(given: unknown): readonly string[] {
  const servers = parseList('stun_public', given).map((text) => {
    const server = parseStunServer(text)
    if (server !== undefined) return server
    throw new Error(
      `read config: stun_public "${text}": want a name or an address, with a port unless that is 3478, as in 203.0.113.5 or [2001:db8::5]:3478`,
    )
  })
  if (servers.length > maxStunServers)
    throw new Error(
      `read config: stun_public has ${servers.length} servers: want ${maxStunServers} at most`,
    )
  return servers
}

/** `HOST:PORT`; undefined if it is none. */
export function parseStunServer(text: string): string | undefined {
  const [, ipv6, name, port = '3478'] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]{1,253}))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = ipv6 === undefined ? name : `[${ipv6}]`
  const isPort = Number(port) > 0 && Number(port) <= 65_535
  if (host === undefined || (ipv6 !== undefined && !isIPv6(ipv6)) || !isPort) return undefined
  return `${host}:${port}`
}
