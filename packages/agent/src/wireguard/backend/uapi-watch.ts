import { statSync } from 'node:fs'
import { importFfi, systemClock } from '@plexd/runtime'

/**
 * Notices that somebody else has spoken to wireguard-go, which tells nobody of a change: connecting to a Unix socket
 * touches the access time of its file. Looking costs one `stat`, some microseconds, whatever the number of peers.
 */
export interface UapiWatch {
  /**
   * Runs an exchange of our own, which is not noticed. It calls back as soon as it has connected: who connects from then
   * on is somebody else. One that reads all makes good what was noticed before it.
   */
  around<T>(
    exchange: (onConnected: () => void) => Promise<T>,
    options: { readsAll: boolean },
  ): Promise<T>
  /** Whether somebody else has connected, or the socket has gone; undefined where that cannot be told. */
  sawOthers(): boolean | undefined
}

/** An access time that no connection leaves. It is older than any change of the file, or `relatime` would not move it. */
const armedSeconds = 1
/** Who has connected so shortly ago may not have said yet what it wants to change. */
const speakingMs = 50

export function createUapiWatch(socketPath: string): UapiWatch {
  const loading = loadSetAccessTime()
  let setAccessTime: SetAccessTime | undefined
  let armed = false
  /** Not everywhere: a file system may keep no access times. */
  let works = true
  /** When somebody else has connected whose changes we have not read. */
  let noticedMs: number | undefined

  /** When somebody has connected; 0 when the socket has gone, undefined when nobody has. */
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
 * utimensat(2), undefined where it cannot be had. Node's own `utimes` sets both times, which counts as a change of
 * attributes, and wireguard-go ends when an attribute of its socket changes.
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
