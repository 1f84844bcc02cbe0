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
  /** Call before a look whose findings are acted on, and what it returns after that look. Other reads settle nothing. */
  lookStarts(): () => void
  /**
   * Whether to look, because another program has connected, or the socket is gone; undefined if that cannot be known. What it
   * changes may follow its connecting, so it is looked for several times.
   */
  sawOthers(): boolean | undefined
}

/** An access time that no connection sets; older than any change of the file, or `relatime` would not update it. */
const armedSeconds = 1
/**
 * How long after a connection there is a look: at once, when `wg set` has usually sent its change, and for a program that a busy
 * machine has kept from going on.
 */
const lookAfterMs = [0, 50, 2_000]

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
  /** When somebody may have connected last. */
  let noticedMs: number | undefined
  /** The start of the last look since. */
  let lookedMs = Number.NEGATIVE_INFINITY

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
    lookedMs = Number.NEGATIVE_INFINITY
  }

  function isLookDue(connectedMs: number): boolean {
    const nextMs = lookAfterMs.find((ms) => connectedMs + ms > lookedMs)
    return nextMs !== undefined && clock.monotonic() >= connectedMs + nextMs
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
    lookStarts() {
      if (armed && works && isTouched()) armAnew()
      const startedMs = clock.monotonic()
      const about = noticedMs
      return () => {
        // Somebody has connected meanwhile: it starts anew.
        if (about === noticedMs) lookedMs = startedMs
      }
    },
    sawOthers() {
      if (!armed || !works) return undefined
      return isTouched() || (noticedMs !== undefined && isLookDue(noticedMs))
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
