import { isIP } from 'node:net'
import type { Setting } from './setting.ts'
import { parseList } from './values.ts'

/** Who stands in front of it, and may say whose the connections and requests are. */
export const proxySettings = {
  trustedProxies: {
    name: 'trusted-proxies',
    value: 'CIDR',
    list: true,
    help: 'addresses of reverse proxies, whose X-Forwarded-For or Forwarded is believed: wrong tokens are counted, and callers named, by the client that it names; repeatable',
    from: (given: unknown): readonly string[] => parseRanges('trusted_proxies', given),
  },
  proxyProtocolFrom: {
    name: 'proxy-protocol-from',
    value: 'CIDR',
    list: true,
    help: 'addresses of balancers that pass TCP on: each connection from there to --listen has to begin with a header of the PROXY protocol, version 2, and counts as one from the address that it names; repeatable',
    from: (given: unknown): readonly string[] => parseRanges('proxy_protocol_from', given),
  },
} as const satisfies Record<string, Setting<unknown>>

function parseRanges(name: string, given: unknown): readonly string[] {
  return parseList(name, given).map((text) => parseProxyRange(name, text))
}

/** An address, or a range of either kind of IP; with its length, which an address alone has none of. */
function parseProxyRange(name: string, text: string): string {
  const [, address = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const prefix = length === undefined ? bits : Number(length)
  const fault = (why: string) => new Error(`read config: ${name} "${text}": ${why}`)
  if (bits === 0 || prefix > bits)
    throw fault('want an address or a range, as in 10.0.0.5 or 2001:db8::/64')
  if (prefix === 0)
    throw fault('that is everybody, and who connects could say to be anyone: name the proxies')
  return `${address}/${prefix}`
}
