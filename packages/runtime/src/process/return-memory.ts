import { describeError, type Log } from '../log/log.ts'
import { importFfi } from '../native/ffi.ts'
import type { Clock } from '../time/clock.ts'

export interface MemoryReturnOptions {
  clock: Clock
  log: Log
  /** The resident set size in bytes. */
  rssBytes?: () => number
  /** Returns free heap memory of the C library to the system; see malloc_trim(3). */
  trim?: () => void | Promise<void>
}

const lookEachMs = 30_000

/**
 * Returns memory to the system after a burst. Network data is read in buffers of up to 64 KiB, and glibc keeps freed
 * ones as long as anything is allocated above them: after a burst of large bodies that was most of the process's
 * memory. Checking is cheap; trimming blocks the main thread for 0.15 ms per megabyte.
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
/** Less growth than this between two checks counts as none. */
const stillBytes = 4 * 1024 ** 2

/** Decides when to trim, from the process size at each check and after each trim. */
export interface TrimRule {
  /** Whether the process has grown since its start or the last trim, and has stopped growing. */
  isWorthIt(rssBytes: number): boolean
  /** The size after a trim is the new baseline. */
  needs(rssBytes: number): void
}

/** Starting up is a burst too. */
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

/** Loads FFI on first use. Does nothing with other C libraries than glibc. */
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
