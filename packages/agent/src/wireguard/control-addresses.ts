import { lookup as lookupName } from 'node:dns/promises'
import { isIP, isIPv4 } from 'node:net'
import type { Clock } from '@plexd/runtime'

/** The IPv4 addresses of the control plane, as far as they are known: nobody waits for a name server. */
export interface ControlAddresses {
  /** Undefined until the name was resolved once. Looks again now and then, in the background. */
  current(): readonly string[] | undefined
}

/** Between two look-ups of a name. */
const lookUpEachMs = 30_000

export function createControlAddresses({
  url,
  onChange,
  clock,
  lookup = lookupIpv4,
}: {
  url: string
  onChange(): void
  clock: Clock
  lookup?: (host: string) => Promise<string[]>
}): ControlAddresses {
  const host = url === '' ? '' : new URL(url).hostname.replace(/^\[|\]$/g, '')
  let known: readonly string[] | undefined
  let dueMs = Number.NEGATIVE_INFINITY
  if (isIP(host) !== 0 || host === '') known = isIPv4(host) ? [host] : []

  async function lookUp(): Promise<void> {
    const found = (await lookup(host)).toSorted()
    if (found.length === 0 || found.join() === known?.join()) return
    known = found
    onChange()
  }

  return {
    current() {
      if (isIP(host) === 0 && host !== '' && clock.monotonic() >= dueMs) {
        dueMs = clock.monotonic() + lookUpEachMs
        lookUp().catch(() => {}) // what is known stays, and whoever connects tells
      }
      return known
    },
  }
}

async function lookupIpv4(host: string): Promise<string[]> {
  const found = await lookupName(host, { all: true, family: 4 })
  return found.map(({ address }) => address)
}
