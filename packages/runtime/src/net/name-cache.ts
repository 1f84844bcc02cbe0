import type { LookupAddress } from 'node:dns'
import { lookup as askSystem } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/**
 * Caches names resolved by the system. A lookup occupies one of the few libuv threads that also write files, for half a
 * minute if no name server answers. So concurrent lookups of a name share one query, and while there is an earlier
 * answer, callers wait only briefly for a new one.
 */
export interface NameCache {
  /** Rejects like the system's resolver if there was never an answer. */
  resolve(name: string): Promise<readonly LookupAddress[]>
  /** The same as a `lookup` option of node:http and node:net. */
  readonly lookup: LookupFunction
}

/** A caller with an earlier answer waits no longer than this for a new one. */
const patienceMs = 1_000

export function createNameCache(
  ask: (name: string) => Promise<LookupAddress[]> = (name) => askSystem(name, { all: true }),
): NameCache {
  const known = new Map<string, readonly LookupAddress[]>()
  const asking = new Map<string, Promise<readonly LookupAddress[]>>()

  async function askOnce(name: string): Promise<readonly LookupAddress[]> {
    try {
      const found = await ask(name)
      known.set(name, found)
      return found
    } finally {
      asking.delete(name)
    }
  }

  function resolve(name: string): Promise<readonly LookupAddress[]> {
    const answer = asking.getOrInsertComputed(name, askOnce)
    const before = known.get(name)
    return before ? orElse(answer, before) : answer
  }

  const lookup: LookupFunction = (name, { all, family }, callback) => {
    resolve(name).then(
      (found) => {
        const wanted = familyOf(family)
        const usable = found.filter((one) => wanted === 0 || one.family === wanted)
        const [first] = usable
        if (all && first) callback(null, usable)
        else if (first) callback(null, first.address, first.family)
        else callback(notFound(name), all ? [] : '')
      },
      (error: NodeJS.ErrnoException) => callback(error, all ? [] : ''),
    )
  }
  return { resolve, lookup }
}

async function orElse<T>(answer: Promise<T>, before: T): Promise<T> {
  const late = Promise.withResolvers<T>()
  const timer = setTimeout(() => late.resolve(before), patienceMs)
  try {
    return await Promise.race([answer.catch(() => before), late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function familyOf(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4
  return family === 'IPv6' ? 6 : (family ?? 0)
}

function notFound(name: string): NodeJS.ErrnoException {
  const error = new Error(`look up "${name}": it has no address of the family that was asked for`)
  return Object.assign(error, { code: 'ENOTFOUND' })
}
