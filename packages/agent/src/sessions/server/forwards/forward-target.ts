/** Where the forwards of a session may go. Pure. */
import { readIp, writeIp } from '@plexd/runtime'

/** Whether one of the targets, each `host:port`, allows it. Addresses are compared as numbers, names as they are. */
export function mayForward(targets: readonly string[], host: string, port: number): boolean {
  const asked = canonicalHost(host)
  return targets.some((target) => {
    const [, allowedHost = '', allowedPort = ''] = /^(.*):([^:]+)$/.exec(target) ?? []
    const isHost = allowedHost === '*' || canonicalHost(withoutBrackets(allowedHost)) === asked
    const isPort = allowedPort === '*' || Number(allowedPort) === port
    return isHost && isPort
  })
}

/** An IPv6 address has several forms. */
function canonicalHost(host: string): string {
  try {
    return readIp(writeIp(host))
  } catch {
    return host.toLowerCase() // a name
  }
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
