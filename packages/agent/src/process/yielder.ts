import { setImmediate } from 'node:timers/promises'
import { systemClock } from '@plexd/runtime'

const maxMs = 10

/** To be awaited often during long work: yields to the event loop if the last break was more than `maxMs` ago. */
export function createYielder(): () => Promise<void> | undefined {
  let sinceMs = systemClock.monotonic()
  return () => (systemClock.monotonic() - sinceMs < maxMs ? undefined : pause())

  async function pause(): Promise<void> {
    await setImmediate()
    sinceMs = systemClock.monotonic()
  }
}
