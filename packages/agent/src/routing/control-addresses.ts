import { isIP, isIPv4 } from 'node:net'
import { type Clock, createNameCache, type NameCache } from '@plexd/runtime'
import { createListeners } from '../process/listeners.ts'

/** The IPv4 addresses of the control plane, as far as they are known: nobody waits for a name server. */
export interface ControlAddresses {
  /** Undefined until the name was resolved once. Looks again now and then, in the background. */
  current(): readonly string[] | undefined
  /** Called when they have become others. Returns the function that ends it. */
  onChange(listener: () => void): () => void
}

/** Between two look-ups of a name. */
const lookUpEachMs = 30_000

export function createControlAddresses({
  url,
  isPeer = () => false,
  clock,
  names,
}: {
  url: string
  /**
   * Whether a peer has the address in the mesh. Whoever answers for the name would have its packets sent out in clear, so that
   * there is no control plane but where the URL itself says so.
   */
  isPeer?(address: string): boolean
  clock: Clock
  /** Those who connect look the name up too: nobody asks twice. */
  names: Pick<NameCache, 'resolve'>
}): ControlAddresses {
  const host = hostOf(url)
  const listeners = createListeners()
  let known: readonly string[] | undefined
  let dueMs = Number.NEGATIVE_INFINITY
  const isName = isIP(host) === 0 && host !== ''
  if (!isName) known = isIPv4(host) ? [host] : []

  async function lookUp(): Promise<void> {
    const found = await resolveIpv4(host, names)
    if (found.length === 0 || found.join() === known?.join()) return
    known = found
    listeners.tell()
  }

  return {
    onChange: listeners.add,
    current() {
      if (isName && clock.monotonic() >= dueMs) {
        dueMs = clock.monotonic() + lookUpEachMs
        lookUp().catch(() => {}) // what is known stays, and whoever connects tells
      }
      return isName ? known?.filter((address) => !isPeer(address)) : known
    },
  }
}

/** Looks them up now. */
export async function lookUpAddresses(url: string): Promise<string[]> {
  const host = hostOf(url)
  if (isIP(host) !== 0 || host === '') return isIPv4(host) ? [host] : []
  return resolveIpv4(host, createNameCache())
}

/** Without brackets; empty where none is named. */
function hostOf(url: string): string {
  return url === '' ? '' : new URL(url).hostname.replace(/^\[|\]$/g, '')
}

async function resolveIpv4(host: string, names: Pick<NameCache, 'resolve'>): Promise<string[]> {
  const found = (await names.resolve(host)).filter(({ family }) => family === 4)
  return found.map(({ address }) => address).toSorted()
}
