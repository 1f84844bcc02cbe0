import type { Clock } from './clock.ts'
import { importFfi } from './ffi.ts'
import { describeError, type Log } from './log.ts'

export interface MemoryReturnOptions {
  clock: Clock
  log: Log
  /** Bytes of this process that are in memory. */
  rssBytes?: () => number
  /** Gives back what the C library keeps; see malloc_trim(3). */
  trim?: () => void | Promise<void>
}

const lookEachMs = 30_000

/**
 * Gives memory back to the system when a burst is over. Bytes from the network come in pieces of up to 64 KiB, and what is
 * freed of them stays with glibc for as long as anything lies behind it: after a burst of large bodies that was most of
 * what the process had. To look costs nothing; to give back takes the main thread 0.15 ms for each megabyte.
 */
export function startMemoryReturn(options: MemoryReturnOptions): Disposable {
  const { clock, log, rssBytes = process.memoryUsage.rss, trim = loadedTrim() } = options
  const rule = createTrimRule(rssBytes())
  return clock.every(lookEachMs, () => {
    const before = rssBytes()
    if (rule.isWorthIt(before)) void giveBack(before)
  })

  async function giveBack(before: number): Promise<void> {
    try {
      await trim()
      log.debug('memory given back', { bytes: before - rssBytes() })
    } catch (error) {
      log.debug('memory cannot be given back', { error: describeError(error) })
    }
    rule.needs(rssBytes())
  }
}

const worthBytes = 16 * 1024 ** 2
/** Less than this between two looks is no growth. */
const stillBytes = 4 * 1024 ** 2

/** When to give back: by the size of the process, at each look and behind each giving back. */
export interface TrimRule {
  /** Whether it has grown, since its start or beyond what it needs, and has come to rest. */
  isWorthIt(rssBytes: number): boolean
  /** What is left is needed, at least for now, and is not asked for again. */
  needs(rssBytes: number): void
}

/** A start is a burst too. */
export function createTrimRule(startBytes: number): TrimRule {
  let least = startBytes
  let last = startBytes
  return {
    isWorthIt(rssBytes) {
      const isAtRest = rssBytes < last + stillBytes
      last = rssBytes
      least = Math.min(least, rssBytes)
      return isAtRest && rssBytes >= least + worthBytes
    },
    needs(rssBytes) {
      least = rssBytes
    },
  }
}

/** Loads what it needs when that is needed for the first time. Other C libraries do without. */
function loadedTrim(): () => Promise<void> {
  let trim: (() => void) | undefined
  return async () => {
    trim ??= await loadTrim()
    trim()
  }
}

async function loadTrim(): Promise<() => void> {
  const { dlopen } = await importFfi()
  const { functions } = dlopen(null, { malloc_trim: { arguments: ['uint64'], return: 'int32' } })
  return () => void functions.malloc_trim(0n)
}
