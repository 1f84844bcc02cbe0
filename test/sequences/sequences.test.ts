import { describe, it } from 'node:test'
import fc from 'fast-check'
import { checkFleet } from './checks.ts'
import { startFleet } from './fleet.ts'
import { type Operation, operationNames, perform } from './operations.ts'

const { PLEXD_SEQUENCE_RUNS: wanted, PLEXD_SEQUENCE_SEED: given } = process.env
const seed = Number(given ?? Date.now() % 1_000_000)
/** Where nobody says how many, as many as are begun in this time. */
const budgetMs = wanted === undefined ? 20_000 : Number.POSITIVE_INFINITY
const shorteningMs = 180_000

// What has failed is made shorter by leaving operations out, and no operation by making its numbers smaller.
const operation: fc.Arbitrary<Operation> = fc.noShrink(
  fc.record(
    { do: fc.constantFrom(...operationNames), nth: fc.nat(3), value: fc.nat(15) },
    { noNullPrototype: true },
  ),
)
const sequences = fc.array(operation, { minLength: 1, maxLength: 20, size: 'max' })

describe('a control plane and its agents, whatever happens to them in whatever order', () => {
  it('lose nothing acknowledged, and every node has in the end what the admin API says, told once and in order', {
    timeout: wanted === undefined ? 400_000 : 6 * 3_600_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_SEQUENCE_SEED=${seed}`)
    let endMs = performance.now() + budgetMs
    let hasFailed = false
    let count = 0
    const property = fc.asyncProperty(sequences, async (sequence) => {
      if (performance.now() > endMs) return
      count++
      try {
        await play(sequence, { patienceMs: hasFailed ? 8_000 : 20_000 })
      } catch (error) {
        if (!hasFailed) endMs = performance.now() + shorteningMs
        hasFailed = true
        throw error
      }
    })
    await fc.assert(property, { seed, numRuns: Number(wanted ?? 100) })
    t.diagnostic(`${count} sequences`)
  })
})

/** How long a node is waited for: longer than it takes to connect again, shorter than until it would pull anyway. */
async function play(
  sequence: readonly Operation[],
  { patienceMs }: { patienceMs: number },
): Promise<void> {
  await using fleet = await startFleet()
  for (const operation of sequence) await perform(fleet, operation)
  await checkFleet(fleet, patienceMs)
}
