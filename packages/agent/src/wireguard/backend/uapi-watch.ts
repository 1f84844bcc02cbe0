import { statSync } from 'node:fs'
import { importFfi, systemClock } from '@plexd/runtime'

/**
 * Notices when another program has connected to wireguard-go, which does not announce changes: connecting to a Unix socket
 * updates the access time of its file. A check costs one `stat`, whatever the number of peers.
 */
export interface UapiWatch {
  /**
   * Runs our own exchange, which does not count; it calls back once it has connected. An exchange that reads all
   * settles what was noticed before it.
   */
  around<T>(
    exchange: (onConnected: () => void) => Promise<T>,
    options: { readsAll: boolean },
  ): Promise<T>
  /** Whether another program has connected, or the socket is gone; undefined if that cannot be known. */
  sawOthers(): boolean | undefined
}

/** An access time that no connection sets; older than any change of the file, or `relatime` would not update it. */
const armedSeconds = 1
/** A program that connected this recently may not have sent its change yet. */
const speakingMs = 50

export function createUapiWatch(socketPath: string): UapiWatch {
  const loading = loadSetAccessTime()
  let setAccessTime: SetAccessTime | undefined
  let armed = false
  /** False if the file system keeps no access times. */
  let works = true
  /** When another program connected whose changes we have not read yet. */
  let noticedMs: number | undefined

  /** The time of a connection; 0 if the socket is gone, undefined if there was none. */
  function touchedMs(): number | undefined {
    const { atimeMs = 0 } = statSync(socketPath, { throwIfNoEntry: false }) ?? {}
    return atimeMs === armedSeconds * 1_000 ? undefined : atimeMs
  }

  function arm(): void {
    if (armed) works = touchedMs() !== undefined
    armed = setAccessTime?.(socketPath, armedSeconds) ?? false
  }

  return {
    async around(exchange, { readsAll }) {
      setAccessTime ??= await loading
      if (armed && works) noticedMs = touchedMs() ?? noticedMs
      const startedMs = systemClock.now()
      const result = await exchange(arm)
      const isSpeaking = Math.abs(startedMs - (noticedMs ?? 0)) < speakingMs
      if (readsAll && !isSpeaking) noticedMs = undefined
      return result
    },
    sawOthers() {
      if (!armed || !works) return undefined
      return noticedMs !== undefined || touchedMs() !== undefined
    },
  }
}

/** False when there is no such file. */
type SetAccessTime = (path: string, seconds: number) => boolean

/**
 * utimensat(2); undefined without FFI. Node's `utimes` sets both times, which counts as a change of
 * attributes, and wireguard-go exits when an attribute of its socket changes.
 */
async function loadSetAccessTime(): Promise<SetAccessTime | undefined> {
  try {
    const { dlopen } = await importFfi()
    const { functions: libc } = dlopen(null, {
      utimensat: { arguments: ['int32', 'buffer', 'buffer', 'int32'], return: 'int32' },
    })
    return (path, seconds) =>
      libc.utimensat(currentFolder, Buffer.from(`${path}\0`), accessTime(seconds), 0) === 0
  } catch {
    return undefined
  }
}

/** AT_FDCWD */
const currentFolder = -100
/** UTIME_OMIT */
const unchanged = (1n << 30n) - 2n

/** Two of struct timespec. */
function accessTime(seconds: number): Buffer {
  const times = Buffer.alloc(32)
  times.writeBigInt64LE(BigInt(seconds), 0)
  times.writeBigInt64LE(unchanged, 24)
  return times
}
