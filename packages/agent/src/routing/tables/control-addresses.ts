import { isIP, isIPv4 } from 'node:net'
import { type Clock, createNameCache, type NameCache } from '@plexd/runtime'
import { createListeners } from '../../process/listeners.ts'

/** The IPv4 addresses of the control plane, as far as they are known: nobody waits for a name server. */
export interface ControlAddresses {
  /** Undefined until the name was resolved once. Resolves it again now and then, in the background. */
  current(): readonly string[] | undefined
  /** Called when they have changed. Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

const lookUpEachMs = 30_000

export function createControlAddresses({
  url,
  isPeer = () => false,
  clock,
  names,
}: {
  url: string
  /**
   * Whether a peer has the address in the mesh. Whoever answers for the name could otherwise have that peer's packets sent
   * out in clear; only the URL itself may name such an address.
   */
  isPeer?(address: string): boolean
  clock: Clock
  /** Shared with those who connect, so that nobody resolves a name twice. */
  names: Pick<NameCache, 'resolve'>
}): ControlAddresses {
  const listeners = createListeners()
  const host = hostOf(url)
  const written = writtenIn(host)
  if (written) return { onChange: listeners.add, current: () => written }
  let known: readonly string[] | undefined
  let dueMs = Number.NEGATIVE_INFINITY

  async function lookUp(): Promise<void> {
    const found = await resolveIpv4(host, names)
    if (found.length === 0 || found.join() === known?.join()) return
    known = found
    listeners.tell()
  }

  return {
    onChange: listeners.add,
    current() {
      if (clock.monotonic() >= dueMs) {
        dueMs = clock.monotonic() + lookUpEachMs
        lookUp().catch(() => {}) // those known stay, and a connection that fails is reported
      }
      return known?.filter((address) => !isPeer(address))
    },
  }
}

/** Those of several, as far as they are known. */
export function joinControlAddresses(all: readonly ControlAddresses[]): ControlAddresses {
  return {
    current() {
      const known = all.flatMap((one) => one.current() ?? [])
      return all.every((one) => one.current() === undefined) ? undefined : [...new Set(known)]
    },
    onChange(listener) {
      const ends = all.map((one) => one.onChange(listener))
      return () => {
        for (const end of ends) end()
      }
    },
  }
}

/** Resolves them now. */
export async function lookUpAddresses(url: string): Promise<string[]> {
  const host = hostOf(url)
  return writtenIn(host) ?? resolveIpv4(host, createNameCache())
}

/** Without brackets; empty if the URL is. */
function hostOf(url: string): string {
  return url === '' ? '' : new URL(url).hostname.replace(/^\[|\]$/g, '')
}

/** The addresses in the host itself; undefined if it is a name. */
function writtenIn(host: string): string[] | undefined {
  if (host !== '' && isIP(host) === 0) return undefined
  return isIPv4(host) ? [host] : []
}

async function resolveIpv4(host: string, names: Pick<NameCache, 'resolve'>): Promise<string[]> {
  const found = (await names.resolve(host)).filter(({ family }) => family === 4)
  return found.map(({ address }) => address).toSorted()
}
