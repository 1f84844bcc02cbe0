import { hostname } from 'node:os'
import type { Config } from '../config/config.ts'
import { hostAddresses } from '../tls/host-addresses.ts'

/** How a control plane is reached that listens on a port. */
export interface OwnAddress {
  /** `https://HOST:PORT` that nodes are told of, unless the settings name another. */
  forNodes: string
  /** The same to connect to; undefined on every address of the machine, where nodes know best. */
  here: string | undefined
  /** `HOST:PORT` for other control planes. */
  forPeers: string
}

type Settings = Pick<Config, 'listen' | 'insecureHttp' | 'tlsNames' | 'advertise'>

export function ownAddressOf(config: Settings, port: number): OwnAddress {
  const { listen, insecureHttp, tlsNames, advertise } = config
  const scheme = insecureHttp ? 'http' : 'https'
  if (!isEveryAddress(listen.host)) {
    const place = `${bracketed(listen.host)}:${port}`
    const url = `${scheme}://${place}`
    return { forNodes: url, here: url, forPeers: advertise ?? place }
  }
  const own = firstAddress() ?? hostname()
  return {
    // The name in the requested certificate, otherwise one of the machine's addresses.
    forNodes: `${scheme}://${bracketed(tlsNames[0] ?? own)}:${port}`,
    here: undefined,
    forPeers: advertise ?? `${bracketed(own)}:${port}`,
  }
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** IPv4 before IPv6, without loopback. */
function firstAddress(): string | undefined {
  return hostAddresses()
    .filter(({ internal }) => !internal)
    .toSorted((one, other) => one.family.localeCompare(other.family))[0]?.address
}
