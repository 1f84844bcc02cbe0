import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { LocalFailure } from '../control/client/failure.ts'
import { createProblems } from '../health/problems.ts'
import { createVitals } from '../health/vitals.ts'
import { startReconcileLoop } from './loop.ts'
import { createReconcileRequests, type ReconcileRequests } from './requests.ts'

const minute = 60_000

describe('reconcile loop', () => {
  it('runs at start and each interval', async () => {
    await using setup = setUp()
    await setup.clock.advance(0)
    assert.equal(setup.runs.length, 1)
    await setup.clock.advance(5 * minute + 5_000)
    assert.equal(setup.runs.length, 6)
  })

  it('runs once for triggers that come together, 1 s after the last run', async () => {
    await using setup = setUp()
    await setup.clock.advance(0)
    for (let times = 0; times < 10; times++) setup.requests.ask()
    await setup.clock.advance(900)
    assert.equal(setup.runs.length, 1)
    await setup.clock.advance(200)
    assert.equal(setup.runs.length, 2)
    await setup.clock.advance(30_000)
    assert.equal(setup.runs.length, 2)
  })

  it('remembers a trigger that comes while it runs', async () => {
    await using setup = setUp()
    await setup.clock.advance(2_000)
    setup.work = async () => {
      setup.work = async () => {}
      setup.requests.ask()
    }
    setup.requests.ask()
    await setup.clock.advance(2_000)
    assert.equal(setup.runs.length, 3)
  })

  it('makes a full pull once an hour, when asked, and again after such a pull has failed', async () => {
    await using setup = setUp()
    await setup.clock.advance(5_000)
    setup.work = () => Promise.reject(new Error('down'))
    setup.requests.ask({ whole: true })
    await setup.clock.advance(0)
    setup.work = async () => {}
    await setup.clock.advance(3 * minute)
    assert.deepEqual(
      setup.runs.slice(0, 4).map(({ whole }) => whole),
      [false, true, true, false],
    )

    const before = setup.runs.filter(({ whole }) => whole).length
    await setup.clock.advance(2 * 60 * minute + 5 * minute)
    assert.equal(setup.runs.filter(({ whole }) => whole).length, before + 2)
  })

  it('pulls at a random moment within the time given', async () => {
    await using setup = setUp()
    await setup.clock.advance(5_000)
    setup.requests.ask({ whole: true, withinMs: 20_000 })
    await setup.clock.advance(9_999)
    assert.equal(setup.runs.length, 1)
    await setup.clock.advance(1)
    assert.deepEqual(setup.runs, [{ whole: false }, { whole: true }])
  })

  it('ends at once even if a pull is due later', async () => {
    const setup = setUp()
    setup.requests.ask({ whole: true, withinMs: 20_000 })
    await setup[Symbol.asyncDispose]()
    assert.equal(setup.clock.sleepers(), 0)
  })

  it('does at its start what was requested before', async () => {
    const requests = createReconcileRequests(createFakeClock())
    requests.ask({ whole: true })
    await using setup = setUp(undefined, requests)
    await setup.clock.advance(0)
    assert.deepEqual(setup.runs, [{ whole: true }])
  })

  it('tells a problem until it works again', async () => {
    await using setup = setUp(() => Promise.reject(new Error('down')))
    await setup.clock.advance(0)
    assert.match(setup.problems.list().join(), /cannot be brought up to date: Error: down/)
    assert.equal(setup.vitals.last_reconcile_at, null)

    setup.work = async () => {}
    await setup.clock.advance(minute + 5_000)
    assert.deepEqual(setup.problems.list(), [])
    assert.notEqual(setup.vitals.last_reconcile_at, null)
  })

  for (const failure of [
    new Error('connection reset'),
    new LocalFailure('apply the state', { cause: new Error('nft: it took too long') }),
  ])
    it(`comes back soon after a failure, and then seldom: ${failure.message}`, async () => {
      await using setup = setUp(() => Promise.reject(failure))
      await setup.clock.advance(0)
      await setup.clock.advance(5_000)
      assert.equal(setup.runs.length, 3)
      await setup.clock.advance(10 * minute)
      assert.ok(setup.runs.length < 20, `${setup.runs.length} runs in ten minutes`)

      setup.work = async () => {}
      await setup.clock.advance(minute)
      const before = setup.runs.length
      await setup.clock.advance(5 * minute + 5_000)
      assert.equal(setup.runs.length, before + 5)
    })

  it('reports no problem of its own for a pulled state that cannot be applied', async () => {
    await using setup = setUp(() => Promise.reject(new Error('no answer')))
    await setup.clock.advance(1)
    assert.equal(setup.problems.list().length, 1)
    const failure = new LocalFailure('apply the state', { cause: new Error('no such interface') })
    setup.work = () => Promise.reject(failure)
    setup.problems.set('wireguard', 'the mesh cannot be applied')
    await setup.clock.advance(minute + 5_000)
    assert.deepEqual(setup.problems.list(), ['the mesh cannot be applied'])
  })

  it('slows down while the node is refused, and waits as long as the server asks', async () => {
    await using refused = setUp(() => Promise.reject(new ApiError('unauthorized', 'no')))
    await refused.clock.advance(60 * minute)
    assert.ok(refused.runs.length < 12, `${refused.runs.length} runs in an hour`)

    const wait = new ApiError('unavailable', 'busy', { retryAfterSeconds: 300 })
    await using busy = setUp(() => Promise.reject(wait))
    await busy.clock.advance(4 * minute)
    assert.equal(busy.runs.length, 1)
  })
})

function setUp(work: () => Promise<void> = async () => {}, earlier?: ReconcileRequests) {
  const clock = createFakeClock()
  const problems = createProblems()
  const vitals = createVitals()
  const runs: { whole: boolean }[] = []
  const script = { work }
  const requests = earlier ?? createReconcileRequests(clock, () => 0.5)
  const loop = startReconcileLoop({
    requests,
    reconcile({ whole }) {
      runs.push({ whole })
      return script.work()
    },
    intervalMs: minute,
    describe: String,
    vitals,
    problems,
    clock,
    log: silentLog,
    random: () => 0.5,
  })
  return Object.assign(script, {
    clock,
    problems,
    vitals,
    runs,
    requests,
    async [Symbol.asyncDispose]() {
      requests[Symbol.dispose]()
      await loop[Symbol.asyncDispose]()
    },
  })
}
