import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mustDo, type Obstacles, type Stage, type Step, stageOf } from './stage.ts'

const elsewhere = { behind: 0, joins: 0 }
const free: Obstacles = { behind: [], joins: [], elsewhere, hasRetired: true, force: false }

describe('the steps of replacing an authority', () => {
  const first = { ...free, hasRetired: false }
  const table: [Step, Stage, Obstacles, boolean | RegExp][] = [
    ['prepare', 'settled', free, true],
    ['prepare', 'prepared', free, false],
    ['prepare', 'activated', free, /the previous one is trusted still/],
    ['activate', 'settled', free, /"plexctl authority prepare"/],
    ['activate', 'prepared', free, true],
    ['activate', 'activated', free, false],
    ['retire', 'settled', free, false],
    ['retire', 'settled', first, /there is one authority only/],
    ['retire', 'prepared', free, /the next one does not sign yet/],
    ['retire', 'activated', free, true],
  ]
  for (const [step, stage, obstacles, result] of table)
    it(`${step} when ${stage}: ${result}`, () => {
      if (typeof result === 'boolean') assert.equal(mustDo(step, stage, obstacles), result)
      else assert.throws(() => mustDo(step, stage, obstacles), { status: 409, message: result })
    })

  it('name the nodes that would be left behind, unless they are by intent', () => {
    const behind = Array.from({ length: 12 }, (_, at) => ({
      hostname: `web-${at}`,
      reason: 'has not said so',
    }))
    const refuse = () => mustDo('activate', 'prepared', { ...free, behind })
    assert.throws(refuse, {
      message: /^activate authority: 12 nodes do not trust the next one yet/,
    })
    assert.throws(refuse, { message: /"web-9" \(has not said so\), and 2 more: wait/ })
    const others = { ...free, elsewhere: { behind: 3, joins: 1 } }
    assert.throws(() => mustDo('activate', 'prepared', { ...others, behind: behind.slice(0, 1) }), {
      message: /: 4 nodes do not .*"web-0" \(has not said so\), and 3 of other tenants: wait/,
    })
    assert.throws(() => mustDo('retire', 'activated', others), {
      message: /that names it: 1 of other tenants: wait/,
    })
    assert.equal(mustDo('activate', 'prepared', { ...free, behind, force: true }), true)
  })

  it('name the tokens that may be in a join string with the old authority', () => {
    const joins = [{ id: 'tok_1', expires_at: '2026-11-27T08:00:00Z' }]
    assert.throws(() => mustDo('retire', 'activated', { ...free, joins }), {
      message: /1 token from before.*tok_1 \(until 2026-11-27T08:00:00Z\)/,
    })
    assert.equal(mustDo('retire', 'activated', { ...free, joins, force: true }), true)
  })
})

describe('stageOf', () => {
  it('follows from the states of the authorities', () => {
    assert.equal(stageOf([]), 'settled')
    assert.equal(stageOf([{ state: 'current' }]), 'settled')
    assert.equal(stageOf([{ state: 'current' }, { state: 'next' }]), 'prepared')
    assert.equal(stageOf([{ state: 'previous' }, { state: 'current' }]), 'activated')
  })
})
