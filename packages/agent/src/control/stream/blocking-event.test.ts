import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { afterOutcome, type BlockingEvent } from './blocking-event.ts'

describe('afterOutcome', () => {
  it('lets every event pass in its turn, at its fifth failure at the latest', () => {
    // How often the handler of each event fails before it succeeds.
    const failing = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 20 })
    fc.assert(
      fc.property(failing, (failures) => {
        assert.deepEqual(
          follow(failures),
          failures.map((times, at) => `${at} ${times < 5 ? 'handled' : 'skipped'}`),
        )
      }),
    )
  })

  it('counts anew for another event: the one before is not sent any more', () => {
    let blocking: BlockingEvent | undefined
    for (const eventId of ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']) {
      const outcome = afterOutcome(blocking, { eventId, error: 'down' })
      assert.deepEqual(outcome, { verdict: 'blocking', blocking: { eventId, failures: 1 } })
      blocking = outcome.blocking
    }
  })
})

/** Opens the stream again from before the event that blocks, until all have passed. */
function follow(failures: readonly number[]): string[] {
  const left = [...failures]
  const passed: string[] = []
  let blocking: BlockingEvent | undefined
  while (passed.length < failures.length) {
    const at = passed.length
    const error = (left[at] ?? 0) > 0 ? 'down' : undefined
    left[at] = (left[at] ?? 0) - 1
    const outcome = afterOutcome(blocking, { eventId: `${at}`, error })
    blocking = outcome.blocking
    if (outcome.verdict !== 'blocking') passed.push(`${at} ${outcome.verdict}`)
  }
  assert.equal(blocking, undefined)
  return passed
}
