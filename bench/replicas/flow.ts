import { setTimeout as delay } from 'node:timers/promises'
import type { BenchContext } from '../bench.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { monotonicMs } from '../fleet/worker/watches.ts'
import { quantiles } from '../quantiles.ts'

const patienceMs = 180_000
/** An operator who has no answer by then asks again: what hangs may never answer. */
const answerMs = 500

/**
 * Lets something happen, and waits until a change that is made then has come to every agent. Resolves to how long that
 * took in milliseconds, from when `happen` has resolved. `stamp` is of this time alone.
 */
export async function untilFlow(
  fleet: Fleet,
  stamp: string,
  happen: () => Promise<unknown>,
): Promise<number> {
  let beginsMs = 0
  const event = { type: 'node_state_updated', text: stamp, among: fleet.numbers }
  const { max } = await fleet.change({ ...event, timeoutMs: patienceMs }, async () => {
    const startMs = monotonicMs()
    await happen()
    beginsMs = monotonicMs() - startMs
    await untilAnswered(() => put(fleet, stamp))
  })
  return max - beginsMs
}

const put = ({ plane: { admin } }: Fleet, stamp: string) =>
  admin.putData({
    params: { key: 'stamp' },
    body: { target: { selector: '*' }, content_type: 'text/plain', payload: stamp },
  })

async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  let isAnswered = false
  while (!isAnswered) {
    const asked = ask().then(
      () => {
        isAnswered = true
      },
      () => delay(50),
    )
    await Promise.race([asked, delay(answerMs)])
  }
}

/** The 99th percentile in seconds, and from the median to the maximum, of times in milliseconds. */
export function addFlow(
  context: BenchContext,
  what: string,
  times: readonly number[],
  rest: { id?: string; target?: { atMost: number } } = {},
): void {
  const { median, p99, max, count } = quantiles(times.map((ms) => ms / 1_000))
  const figure = { unit: 's', value: p99, low: median, high: max, rounds: count }
  context.add({ ...rest, what: `${what}: until all agents are told again, p99`, ...figure })
}
