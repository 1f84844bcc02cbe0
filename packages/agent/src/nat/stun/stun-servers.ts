import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP, isIPv6 } from 'node:net'
import type { Address } from '@plexd/runtime'
import { describeError, type Log } from '@plexd/runtime'
import { parseStunServer } from '../../config/settings/stun-server.ts'
import { addressesInHosts, namesToAsk } from './resolver-files.ts'

/** Resolves the names of STUN servers. */
export interface StunNames {
  /** At most one IPv4 and one IPv6 address of each, IPv4 first. Servers whose names never resolved are left out. */
  resolve(): Promise<Address[]>
}

export interface StunNamesOptions {
  /** Those to resolve, each time. */
  servers: () => readonly string[]
  log: Log
  /** The addresses of a name; rejects if there are none. */
  ask?: (host: string) => Promise<string[]>
}

/** If a name server does not answer within a second, its last answer is used. */
export function createStunNames({
  servers,
  log,
  ask = askNameServers,
}: StunNamesOptions): StunNames {
  const known = new Map<string, readonly string[]>()

  async function addressesOf(server: string, host: string): Promise<readonly string[]> {
    if (isIP(host)) return [host]
    try {
      const found = await ask(host)
      known.set(host, found)
      return found
    } catch (error) {
      log.debug('STUN server cannot be resolved', { server, error: describeError(error) })
      return known.get(host) ?? []
    }
  }

  async function resolveServer(server: string): Promise<Address[]> {
    const { host, port } = parseStunServer(server)
    const found = await addressesOf(server, host)
    return [found.find((one) => !isIPv6(one)), found.find(isIPv6)].flatMap((address) =>
      address === undefined ? [] : [{ address, port }],
    )
  }

  return {
    async resolve() {
      const all = (await Promise.all(servers().map(resolveServer))).flat()
      return [false, true].flatMap((isV6) => all.filter((one) => isIPv6(one.address) === isV6))
    },
  }
}

const patienceMs = 1_000

/**
 * Not by the system's resolver, which may hold one of the four threads that Node has for files and names for
 * half a minute.
 */
async function askNameServers(host: string): Promise<string[]> {
  const own = addressesInHosts(await read('/etc/hosts'), host)
  if (own.length > 0) return own
  // A new one each time, because a machine's name servers change.
  const resolver = new Resolver({ timeout: patienceMs, tries: 1 })
  const timer = setTimeout(() => resolver.cancel(), patienceMs)
  try {
    let failure: unknown
    for (const name of namesToAsk(host, await read('/etc/resolv.conf'))) {
      const [first, second] = await Promise.allSettled([
        resolver.resolve4(name),
        resolver.resolve6(name),
      ])
      const found = [first, second].flatMap((answer) =>
        answer.status === 'fulfilled' ? answer.value : [],
      )
      if (found.length > 0) return found
      if (first.status === 'rejected') failure = first.reason
    }
    throw failure
  } finally {
    clearTimeout(timer)
  }
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
