import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from './problems.ts'
import { isWanted, watchTools } from './tool-watch.ts'

it('names a program that the mesh needs, with its package, until it is there', async () => {
  const clock = createFakeClock()
  const problems = createProblems()
  let isThere = false
  await using _watch = watchTools({
    config: { policyEnabled: true, natEnabled: true },
    problems,
    clock,
    find: async (tool) => (tool !== 'setpriv' || isThere ? `/bin/${tool}` : undefined),
  })
  await clock.advance(0)
  assert.deepEqual(problems.list(), [
    '"setpriv" is not installed, which ends "ip monitor" together with plexd, and runs hooks as their user: apt-get install util-linux',
  ])

  isThere = true
  await clock.advance(2_000)
  assert.deepEqual(problems.list(), [])
})

it('does not need nft without a filter and without STUN', () => {
  assert.equal(isWanted('nft', { policyEnabled: false, natEnabled: false }), false)
  assert.equal(isWanted('nft', { policyEnabled: true, natEnabled: false }), true)
  assert.equal(isWanted('nft', { policyEnabled: false, natEnabled: true }), true)
  assert.equal(isWanted('ip', { policyEnabled: false, natEnabled: false }), true)
})
