import type { Readable, Writable } from 'node:stream'
import type { Clock } from '@plexd/runtime'

export interface Pump {
  /** Resolves at the end of what is read, however that comes: a terminal that nothing has open any more fails with EIO. */
  ended: Promise<void>
  /** Resolves when it has ended, or nothing was there to pass on for this long. */
  untilQuiet(ms: number, clock: Pick<Clock, 'sleep'>): Promise<void>
}

/** Passes on what is read, and reads no more while that is being done. */
export function pump(from: Readable, pass: (bytes: Buffer) => Promise<void> | undefined): Pump {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  let passing: Promise<void> | undefined
  let count = 0
  let hasEnded = false

  const finish = (): void => {
    hasEnded = true
    // What was read last is still on its way.
    if (passing) void passing.then(resolve)
    else resolve()
  }

  from.on('data', (bytes: Buffer) => {
    count++
    const current = pass(bytes)
    if (!current) return
    from.pause()
    passing = current
      .catch(() => void from.destroy()) // whoever takes it has closed
      .then(() => {
        passing = undefined
        from.resume()
      })
  })
  from.once('end', finish)
  from.once('error', finish)
  from.once('close', finish)

  async function untilQuiet(ms: number, clock: Pick<Clock, 'sleep'>): Promise<void> {
    for (let before = -1; !hasEnded && (passing !== undefined || before !== count); ) {
      before = count
      const enough = new AbortController()
      const late = clock.sleep(ms, enough.signal).catch(() => {}) // it has ended before
      await Promise.race([ended, late])
      enough.abort()
    }
    await passing
  }

  return { ended, untilQuiet }
}

/** Resolves when it was taken, or never will be. */
export function writeWhole(to: Writable, bytes: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (to.destroyed || !to.writable) resolve()
  else {
    const settle = (): void => {
      to.off('close', settle)
      resolve()
    }
    to.once('close', settle)
    to.write(bytes, settle)
  }
  return promise
}
