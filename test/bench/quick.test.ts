import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runToEnd } from '../../scripts/programs/program.ts'

const bench = join(import.meta.dirname, '../../bench/run.ts')

describe('the measurements, in their quick form', () => {
  // A minute on a machine with nothing else to do, and five on one whose two cores have eight other things to do.
  it('end without a fault: no event lost, strange or twice, no wrong answer, no bad signature', {
    timeout: 20 * 60_000,
  }, async () => {
    const { code, stdout, stderr } = await runToEnd(process.execPath, [bench, '--quick', '--json'])
    const { results } = JSON.parse(stdout || '{"results":[]}') as {
      results: { bench: string; figures: { what: string; value: number }[]; faults: string[] }[]
    }
    assert.deepEqual(
      results.flatMap(({ bench, faults }) => faults.map((fault) => `${bench}: ${fault}`)),
      [],
    )
    assert.equal(code, 0, stderr)
    const names = results.filter(({ figures }) => figures.length > 0).map(({ bench }) => bench)
    for (const name of ['join', 'capacity', 'one-change', 'registration', 'storm', 'churn'])
      assert.ok(names.includes(name), `"${name}" has measured nothing`)
    for (const { bench, figures } of results)
      for (const { what, value } of figures)
        assert.ok(Number.isFinite(value), `${bench}: "${what}" is ${value}`)
  })
})
