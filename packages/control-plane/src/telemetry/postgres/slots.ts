/** Lets some work go on at the same time; the rest waits for its turn, and leaves the line by its signal. */
export type Slots = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createSlots(max: number): Slots {
  const waiting = new Set<() => void>()
  let taken = 0

  async function turn(signal: AbortSignal | undefined): Promise<void> {
    if (taken < max) {
      taken++
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = (): void => {
      waiting.delete(resolve)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', leave)
    waiting.add(resolve)
    await promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  /** The next has the place at once. */
  function leave(): void {
    const [next] = waiting
    if (!next) taken--
    else {
      waiting.delete(next)
      next()
    }
  }

  return async (work, signal) => {
    signal?.throwIfAborted()
    await turn(signal)
    return work().finally(leave)
  }
}
