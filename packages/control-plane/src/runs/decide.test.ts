import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Decision, decide, isOver, type Progress } from './decide.ts'

const soon = 1_000
const late = 100_000

describe('decide', () => {
  it('lets as many begin as may run at a time', () => {
    assert.equal(decide(aRun({ waiting: 5, max_parallel: 2 }), soon).starts, 2)
    assert.equal(decide(aRun({ waiting: 5, running: 1, max_parallel: 2 }), soon).starts, 1)
    assert.equal(decide(aRun({ waiting: 1, max_parallel: 2 }), soon).starts, 1)
  })

  it('stops at the first failure when none is allowed, and ends when the others have ended', () => {
    const stopped = decide(aRun({ waiting: 5, running: 1, failed: 1 }), soon)
    assert.deepEqual(stopped, { state: 'running', stop: 'failures', starts: 0 })
    const over = decide(aRun({ waiting: 5, failed: 1, stop: 'failures' }), soon)
    assert.deepEqual(over, { state: 'failed', stop: 'failures', starts: 0 })
  })

  it('goes on while no more have failed than may', () => {
    const run = { waiting: 5, failed: 2, max_failures: 2 }
    assert.equal(decide(aRun(run), soon).stop, null)
    assert.equal(decide(aRun({ ...run, failed: 3 }), soon).stop, 'failures')
  })

  it('has failed when any node has, also if that many may', () => {
    const ended = { succeeded: 9, failed: 1, max_failures: 5 }
    assert.deepEqual(decide(aRun(ended), soon), { state: 'failed', stop: null, starts: 0 })
    assert.equal(decide(aRun({ succeeded: 9 }), soon).state, 'succeeded')
  })

  it('has not succeeded when no node was left to run it', () => {
    assert.equal(decide(aRun({}), soon).state, 'failed')
  })

  it('lets the canaries go alone, and the others when all of them have succeeded', () => {
    const run = { waiting: 10, canary: 2, max_parallel: 5 }
    assert.equal(decide(aRun(run), soon).starts, 2)
    assert.equal(decide(aRun({ ...run, waiting: 8, running: 1, succeeded: 1 }), soon).starts, 0)
    assert.equal(decide(aRun({ ...run, waiting: 8, succeeded: 2 }), soon).starts, 5)
  })

  it('stops at a canary that fails, however many may', () => {
    const run = { waiting: 8, running: 1, failed: 1, canary: 2, max_failures: 100 }
    assert.equal(decide(aRun(run), soon).stop, 'canary')
  })

  it('lets none begin while it is paused, and still ends when nothing is left', () => {
    assert.equal(decide(aRun({ state: 'paused', waiting: 5 }), soon).starts, 0)
    assert.equal(decide(aRun({ state: 'paused', succeeded: 5 }), soon).state, 'succeeded')
  })

  it('ends a paused run that expires', () => {
    const over = decide(aRun({ state: 'paused', waiting: 5, succeeded: 1 }), late)
    assert.deepEqual(over, { state: 'failed', stop: 'expired', starts: 0 })
  })

  it('lets those that have begun end after the expiry, and succeeds if none was left', () => {
    assert.equal(decide(aRun({ running: 1 }), late).stop, null)
    assert.equal(decide(aRun({ succeeded: 1 }), late).state, 'succeeded')
  })

  it('is cancelled when the last execution is over', () => {
    const cancelled = { stop: 'cancelled' as const, waiting: 3 }
    assert.equal(decide(aRun({ ...cancelled, running: 1 }), soon).state, 'running')
    assert.equal(decide(aRun({ ...cancelled, succeeded: 1 }), soon).state, 'cancelled')
  })
})

describe('a run, whatever happens to it', () => {
  it('never has more running than may, begins and ends each node once, and comes to an end', () => {
    fc.assert(
      fc.property(
        fc.record({
          nodes: fc.integer({ min: 1, max: 30 }),
          max_parallel: fc.integer({ min: 1, max: 8 }),
          max_failures: fc.integer({ min: 0, max: 5 }),
          canary: fc.integer({ min: 0, max: 6 }),
        }),
        fc.array(fc.constantFrom('success', 'failure', 'pause', 'resume', 'cancel', 'gone'), {
          maxLength: 80,
        }),
        fc.integer({ min: 0, max: 200 }),
        (asked, steps, expiresAfter) => {
          const world = createWorld(asked, expiresAfter)
          for (const step of steps) world.take(step)
          world.take('resume')
          for (let left = 0; left <= asked.nodes; left++) world.take('success')
          assert.ok(isOver(world.run.state), JSON.stringify(world.run))
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

/** A run of nodes that end as told, which checks what must hold after each step. */
function createWorld(
  {
    nodes,
    ...asked
  }: { nodes: number; max_parallel: number; max_failures: number; canary: number },
  expiresAfter: number,
) {
  const run = aRun({ ...asked, waiting: nodes, expires_at: expiresAfter })
  let nowMs = 0
  follow()

  function follow(): Decision {
    let decision = decide(run, nowMs)
    while (decision.starts > 0) {
      assert.equal(run.stop, null)
      assert.ok(run.failed <= run.max_failures, 'none begins after too many have failed')
      run.waiting--
      run.running++
      assert.ok(run.running <= run.max_parallel)
      if (startedOf(run) > run.canary)
        assert.ok(run.succeeded >= run.canary, 'the others begin when all canaries have succeeded')
      decision = decide(run, nowMs)
    }
    Object.assign(run, { state: decision.state, stop: decision.stop })
    const total = run.waiting + run.running + run.succeeded + run.failed + run.cancelled
    assert.equal(total, nodes)
    if (isOver(run.state)) assert.equal(run.running, 0)
    return decision
  }

  return {
    run,
    take(step: 'success' | 'failure' | 'pause' | 'resume' | 'cancel' | 'gone') {
      const before = { ...run }
      nowMs += 10
      const isOpen = !isOver(run.state)
      if ((step === 'success' || step === 'failure') && run.running > 0) {
        run.running--
        run[step === 'success' ? 'succeeded' : 'failed']++
      }
      if (step === 'gone' && run.running > 0) {
        run.running--
        run[run.stop === 'cancelled' ? 'cancelled' : 'failed']++
      }
      if (step === 'pause' && isOpen && run.stop === null) run.state = 'paused'
      if (step === 'resume' && isOpen && run.stop === null) run.state = 'running'
      if (step === 'cancel' && isOpen) Object.assign(run, { stop: 'cancelled', state: 'running' })
      follow()
      if (!isOpen) assert.deepEqual(run, before, 'what has ended stays as it is')
    },
  }
}

const startedOf = (run: Progress) => run.running + run.succeeded + run.failed + run.cancelled

function aRun(parts: Partial<Progress>): Progress {
  return {
    state: 'running',
    stop: null,
    waiting: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    max_parallel: 10,
    max_failures: 0,
    canary: 0,
    expires_at: 50_000,
    ...parts,
  }
}
