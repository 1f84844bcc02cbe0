import type { LookupAddress } from 'node:dns'
import { lookup as askSystem } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/**
 * Names as the system resolves them. Each question holds one of the few threads that also write files, for half a minute
 * where no name server answers: so whoever asks for the same name waits for the same question, and where one was
 * answered before, for a moment only.
 */
export interface NameCache {
  /** Rejects as the system does, where there never was an answer. */
  resolve(name: string): Promise<readonly LookupAddress[]>
  /** The same as an option of node:http and node:net. */
  readonly lookup: LookupFunction
}

/** Who has an answer of earlier waits for another one no longer than this. */
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
