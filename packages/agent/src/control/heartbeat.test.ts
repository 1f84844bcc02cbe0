import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, type HeartbeatResponse } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import { createVitals } from '../health/vitals.ts'
import { createListeners } from '../process/listeners.ts'
import { startHeartbeat } from './heartbeat.ts'

const second = 1_000

describe('heartbeat', () => {
  it('beats at once, then each interval', async () => {
    await using setup = setUp()
    await setup.clock.advance(0)
    assert.equal(setup.beats, 1)
    assert.notEqual(setup.vitals.last_heartbeat_at, null)
    await setup.clock.advance(90 * second)
    assert.equal(setup.beats, 4)
  })

  it('acts on hints', async () => {
    await using setup = setUp()
    setup.answer = { reconcile: true, rotate_keys: true }
    await setup.clock.advance(0)
    assert.deepEqual(setup.hints, ['reconcile', 'rotate'])
  })

  it('says which STUN servers the answer names, and when it names none', async () => {
    await using setup = setUp()
    setup.answer = { stun_servers: ['cp1.example:3478'] }
    await setup.clock.advance(0)
    setup.answer = {}
    await setup.clock.advance(31 * second)
    assert.deepEqual(setup.stunServers.slice(0, 2), [['cp1.example:3478'], undefined])
  })

  it('accepts an answer without a body', async () => {
    await using setup = setUp()
    setup.answer = undefined
    await setup.clock.advance(0)
    assert.deepEqual(setup.problems.list(), [])
  })

  it('keeps its interval during an outage, and reports it', async () => {
    await using setup = setUp()
    setup.failWith = new Error('down')
    await setup.clock.advance(91 * second)
    assert.equal(setup.beats, 4)
    assert.match(setup.problems.list().join(), /no heartbeat gets through: Error: down/)

    setup.failWith = undefined
    setup.heartbeat.wake()
    await setup.clock.advance(0)
    assert.equal(setup.beats, 5)
    assert.deepEqual(setup.problems.list(), [])
    setup.heartbeat.wake()
    await setup.clock.advance(0)
    assert.equal(setup.beats, 5, 'nothing to make up for')
  })

  it('follows one that hung until its timeout at once', async () => {
    await using setup = setUp()
    setup.hangMs = 30 * second
    setup.failWith = new Error('no answer after 30 s')
    await setup.clock.advance(30 * second)
    setup.hangMs = 0
    setup.failWith = undefined
    await setup.clock.advance(2 * second)
    assert.equal(setup.beats, 2)
  })

  it('slows down while the node is refused, and says what to type', async () => {
    await using setup = setUp()
    setup.failWith = new ApiError('unauthorized', 'unauthorized')
    await setup.clock.advance(3_600 * second)
    assert.ok(setup.beats < 12, `${setup.beats} beats in an hour`)
    assert.match(setup.problems.list().join(), /"plexd deregister --purge" and "plexd join"/)
  })

  it('says what to do while another machine has the identity too', async () => {
    await using setup = setUp()
    const since = '2025-01-15T10:30:00.000Z'
    setup.answer = { identity_in_use: { since, addresses: ['203.0.113.1', '203.0.113.9'] } }
    await setup.clock.advance(30 * second)
    assert.match(
      setup.problems.list().join(),
      /another machine .* 203\.0\.113\.1 and 203\.0\.113\.9.* remove its data dir \(here \/var\/lib\/plexd\)/,
    )
    setup.answer = {}
    await setup.clock.advance(30 * second)
    assert.deepEqual(setup.problems.list(), [])
  })

  it('reports a new or solved problem soon, at most every five seconds', async () => {
    await using setup = setUp()
    await setup.clock.advance(10 * second)
    setup.problems.set('disk', 'full')
    await setup.clock.advance(2 * second)
    assert.equal(setup.beats, 2)
    for (let count = 0; count < 10; count++) {
      setup.problems.clear('disk')
      setup.problems.set('disk', `full for ${count}`)
      setup.problems.clear('disk')
      await setup.clock.advance(100)
    }
    assert.equal(setup.beats, 2)
    await setup.clock.advance(5 * second)
    assert.equal(setup.beats, 3)
    setup.problems.set('disk', 'full')
    await setup.clock.advance(5 * second)
    assert.equal(setup.beats, 4)
    setup.problems.set('disk', 'in other words')
    await setup.clock.advance(10 * second)
    assert.equal(setup.beats, 4)
  })

  it('sends nothing early for a problem that is already over, or while the control plane is away', async () => {
    await using setup = setUp()
    await setup.clock.advance(10 * second)
    setup.problems.set('disk', 'full')
    setup.problems.clear('disk')
    await setup.clock.advance(10 * second)
    assert.equal(setup.beats, 1)
    setup.failWith = new Error('down')
    await setup.clock.advance(11 * second)
    assert.equal(setup.beats, 2)
    setup.problems.set('disk', 'full')
    await setup.clock.advance(20 * second)
    assert.equal(setup.beats, 2)
  })

  it('tells soon what it has made of an announcement', async () => {
    await using setup = setUp()
    await setup.clock.advance(0)
    setup.heeded = { announcement: 1 }
    setup.hearNews()
    await setup.clock.advance(10 * second)
    assert.equal(setup.beats, 2)
    setup.hearNews()
    await setup.clock.advance(10 * second)
    assert.equal(setup.beats, 2)
  })

  it('waits as long as the control plane asks', async () => {
    await using setup = setUp()
    setup.failWith = new ApiError('too_many_requests', 'slow down', { retryAfterSeconds: 120 })
    await setup.clock.advance(119 * second)
    assert.equal(setup.beats, 1)
    await setup.clock.advance(2 * second)
    assert.equal(setup.beats, 2)
  })
})

function setUp() {
  const clock = createFakeClock()
  const problems = createProblems()
  const vitals = createVitals()
  const news = createListeners()
  const script = {
    answer: {} as HeartbeatResponse | undefined,
    failWith: undefined as Error | undefined,
    hangMs: 0,
    beats: 0,
    hints: [] as string[],
    stunServers: [] as unknown[],
    heeded: undefined as unknown,
    hearNews: news.tell,
  }
  const client = {
    async heartbeat() {
      await Promise.resolve()
      if (script.hangMs > 0) await clock.sleep(script.hangMs)
      script.beats++
      if (script.failWith) throw script.failWith
      return { status: 200, headers: {}, body: script.answer as HeartbeatResponse } // may be missing
    },
  }
  const heartbeat = startHeartbeat({
    client,
    nodeId: 'n_test',
    intervalMs: 30 * second,
    dataDir: '/var/lib/plexd',
    describeNode: () => ({}),
    onReconcile: () => script.hints.push('reconcile'),
    onRotateKeys: async () => void script.hints.push('rotate'),
    onStunServers: (named) => void script.stunServers.push(named),
    installation: { heeded: () => script.heeded, onChange: news.add },
    describe: String,
    vitals,
    problems,
    clock,
    log: silentLog,
    random: () => 0.5,
  })
  return Object.assign(script, {
    heartbeat,
    clock,
    problems,
    vitals,
    [Symbol.asyncDispose]: () => heartbeat[Symbol.asyncDispose](),
  })
}
