import { statSync } from 'node:fs'
import { importFfi } from '../ffi.ts'

/**
 * Notices that somebody else has spoken to wireguard-go, which tells nobody of a change: connecting to a Unix socket
 * touches the access time of its file. Looking costs one `stat`, some microseconds, whatever the number of peers.
 */
export interface UapiTrap {
  /** Runs an exchange of our own, which is not noticed. One that reads all makes good what was noticed before it. */
  around<T>(exchange: () => Promise<T>, options: { readsAll: boolean }): Promise<T>
  /** Whether somebody else has connected, or the socket has gone; undefined where that cannot be told. */
  isSprung(): boolean | undefined
}

/** An access time that no connection leaves. It is older than any change of the file, or `relatime` would not move it. */
const armedSeconds = 1

export function createUapiTrap(socketPath: string): UapiTrap {
  const loading = loadSetAccessTime()
  let armed = false
  /** Not everywhere: a file system may keep no access times. */
  let works = true
  let noticed = false

  function isTouched(): boolean {
    return statSync(socketPath, { throwIfNoEntry: false })?.atimeMs !== armedSeconds * 1_000
  }

  async function arm(): Promise<void> {
    const setAccessTime = await loading
    if (armed) works = isTouched()
    armed = setAccessTime?.(socketPath, armedSeconds) ?? false
  }

  return {
    async around(exchange, { readsAll }) {
      const before = armed && works && isTouched()
      try {
        const result = await exchange()
        noticed = !readsAll && (noticed || before)
        return result
      } finally {
        await arm()
      }
    },
    isSprung() {
      if (!armed || !works) return undefined
      return noticed || isTouched()
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
