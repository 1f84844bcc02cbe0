import { statSync } from 'node:fs'
import { type Clock, importFfi, systemClock } from '@plexd/runtime'

/**
 * Notices when another program has connected to wireguard-go, which does not announce changes: connecting to a Unix socket
 * updates the access time of its file. A check costs one `stat`, whatever the number of peers.
 *
 * A connection leaves no trace while the time of another one is there, so ours could hide another program's. Therefore we
 * connect once and keep the connection, and count our own as another's.
 */
export interface UapiWatch {
  /** Runs what connects us, which has to be done when it returns. What others did by then is unknown until all is read. */
  connecting<T>(connect: () => T): Promise<T>
  /** Call what it returns when all has been read that was set before: that settles what had been noticed by now. */
  readingStarts(): () => void
  /** Whether another program has connected, or the socket is gone; undefined if that cannot be known. */
  sawOthers(): boolean | undefined
}

/** An access time that no connection sets; older than any change of the file, or `relatime` would not update it. */
const armedSeconds = 1
/** A program that connected this recently may not have sent its change yet. */
const speakingMs = 50

export function createUapiWatch(
  socketPath: string,
  {
    clock = systemClock,
    loading = loadSetAccessTime(),
  }: { clock?: Pick<Clock, 'monotonic'>; loading?: Promise<SetAccessTime | undefined> } = {},
): UapiWatch {
  let setAccessTime: SetAccessTime | undefined
  let armed = false
  /** False if the file system keeps no access times. */
  let works = true
  /** When somebody may have connected last, as far as we know; undefined if all that was set has been read. */
  let noticedMs: number | undefined

  /** Whether somebody has connected since it was armed, or the socket is gone. */
  function isTouched(): boolean {
    return statSync(socketPath, { throwIfNoEntry: false })?.atimeMs !== armedSeconds * 1_000
  }

  function arm(): void {
    armed = setAccessTime?.(socketPath, armedSeconds) ?? false
  }

  /** The time is taken after arming, because somebody may connect just before. */
  function armAnew(): void {
    arm()
    noticedMs = clock.monotonic()
  }

  return {
    async connecting(connect) {
      setAccessTime = await loading
      arm()
      const connection = connect()
      works = isTouched()
      armAnew()
      return connection
    },
    readingStarts() {
      if (armed && works && isTouched()) armAnew()
      const startedMs = clock.monotonic()
      return () => {
        if (noticedMs !== undefined && startedMs - noticedMs >= speakingMs) noticedMs = undefined
      }
    },
    sawOthers() {
      if (!armed || !works) return undefined
      return noticedMs !== undefined || isTouched()
    },
  }
}

/** False when there is no such file. */
export type SetAccessTime = (path: string, seconds: number) => boolean

/**
 * utimensat(2); undefined without FFI. Node's `utimes` sets both times, which counts as a change of
 * attributes, and wireguard-go exits when an attribute of its socket changes.
 */
export async function loadSetAccessTime(): Promise<SetAccessTime | undefined> {
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
