import { until } from '@plexd/runtime/testing'

/** Turns the clock on, second by second, until the promise is settled. */
export async function turnUntil(
  clock: { advance(ms: number): Promise<void> },
  promise: Promise<unknown>,
) {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  const isOver = async () => {
    await clock.advance(1_000)
    return settled
  }
  await until('the command ends', isOver, 20_000, 0)
}
