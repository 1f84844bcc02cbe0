import { isIPv6 } from 'node:net'

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
