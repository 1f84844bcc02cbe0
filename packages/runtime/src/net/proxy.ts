import { BlockList, isIP } from 'node:net'
import { isLoopback } from '@plexd/protocol'

/**
 * The proxy that the environment sets for an HTTPS URL: `https_proxy` and `no_proxy`, or the same in
 * upper case, as curl and Go read them. Loopback never uses the proxy, and only loopback may be plain HTTP. Throws
 * a RangeError for an unsupported kind of proxy.
 */
export function proxyFor(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const named = env.https_proxy || env.HTTPS_PROXY
  if (!named || !url.startsWith('https:')) return undefined
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const place = { host, port: port || '443' }
  if (isLoopback(host) || isExempt(place, env.no_proxy || env.NO_PROXY || '')) return undefined
  return checkProxy(named)
}

/** For display, without the credentials. */
export function showProxy(proxyUrl: string): string {
  const { protocol, username, password, host } = new URL(proxyUrl)
  return `${protocol}//${username + password === '' ? '' : '***@'}${host}`
}

function checkProxy(named: string): string {
  const url = named.includes('://') ? named : `http://${named}`
  if (!URL.canParse(url))
    throw new RangeError(
      'use proxy of the environment: it is no URL: want http://[user:password@]HOST:PORT in HTTPS_PROXY',
    )
  const { protocol } = new URL(url)
  if (protocol === 'http:' || protocol === 'https:') return url
  throw new RangeError(
    `use proxy "${showProxy(url)}" of the environment: only http:// and https:// can be: name another in HTTPS_PROXY, or the control plane in NO_PROXY`,
  )
}

interface Place {
  host: string
  port: string
}

function isExempt(place: Place, list: string): boolean {
  const entries = list.toLowerCase().split(/[\s,]+/)
  return entries.filter((entry) => entry !== '').some((entry) => isNamedBy(place, entry))
}

/** Matches `*`, `name` (with subdomains), `.name`, `*.name`, an address, or a CIDR range; all but the last may have a port. */
function isNamedBy({ host, port }: Place, entry: string): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isInRange(host, entry)
  const [, bracketed, plain, wanted] =
    /^(?:\[(.+)\]|(.+?))(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  if (wanted !== undefined && wanted !== port) return false
  const name = (bracketed ?? plain ?? '').replace(/^\*?\./, '')
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`))
}

function isInRange(host: string, range: string): boolean {
  const family = isIP(host)
  const [network = '', length = ''] = range.split('/')
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  if (family === 0 || isIP(network) !== family || !(bits <= (family === 4 ? 32 : 128))) return false
  const list = new BlockList()
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
