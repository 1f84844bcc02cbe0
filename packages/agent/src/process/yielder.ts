import { setImmediate } from 'node:timers/promises'
import { systemClock } from '@plexd/runtime'

/** How long work that others wait behind may go on without a break. */
const maxMs = 10

/** For long work: to be awaited often. It lets others have their turn when the last break is a while ago. */
export function createYielder(): () => Promise<void> | undefined {
  let sinceMs = systemClock.monotonic()
  return () => (systemClock.monotonic() - sinceMs < maxMs ? undefined : pause())

  async function pause(): Promise<void> {
    await setImmediate()
    sinceMs = systemClock.monotonic()
  }
}
