import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { benches } from '../../bench/benches.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import { createRandom } from '../support/random.ts'

const bench = join(import.meta.dirname, '../../bench/run.ts')
/** Those that every run has. */
const usual = ['one-change', 'registration', 'storm']
/** An eighth of the others is drawn; PLEXD_BENCHES=all has each. */
const seed = Number(process.env.PLEXD_BENCH_SEED ?? Date.now() % 1e6)

describe('the measurements, in their quick form', () => {
  // All of them take a minute on a machine with nothing else to do, and five on one whose two cores have eight other things to do; of a whole
  // run, with a hundred faults, twenty more.
  it('end without a fault: no event lost, strange or twice, no wrong answer, no bad signature', {
    timeout: 60 * 60_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_BENCH_SEED=${seed}`)
    const names = drawnNames()
    const command = [bench, ...names, '--quick', '--json']
    const { code, stdout, stderr } = await runToEnd(process.execPath, command)
    const { results } = JSON.parse(stdout || '{"results":[]}') as {
      results: { bench: string; figures: { what: string; value: number }[]; faults: string[] }[]
    }
    assert.deepEqual(
      results.flatMap(({ bench, faults }) => faults.map((fault) => `${bench}: ${fault}`)),
      [],
    )
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      results.map(({ bench }) => bench),
      names,
    )
    for (const { bench, figures } of results)
      assert.ok(!usual.includes(bench) || figures.length > 0, `"${bench}" has measured nothing`)
    for (const { bench, figures } of results)
      for (const { what, value } of figures)
        assert.ok(Number.isFinite(value), `${bench}: "${what}" is ${value}`)
  })
})

/** In the order of the table. */
function drawnNames(): string[] {
  const names = benches.map(({ name }) => name)
  if (process.env.PLEXD_BENCHES === 'all') return names
  const random = createRandom(seed)
  const others = names.filter((name) => !usual.includes(name))
  const drawn = others
    .map((name) => ({ name, rank: random.next() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, Math.ceil(others.length / 8))
    .map(({ name }) => name)
  return names.filter((name) => usual.includes(name) || drawn.includes(name))
}
