import assert from 'node:assert/strict'
import { it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import { startFollowingMove } from './follow-move.ts'

const current = 'https://old.example.com'

it('forgets what it said of a move when there is nowhere to go any more', async () => {
  const clock = createFakeClock()
  const problems = createProblems()
  let urls = ['https://new.example.com', current]
  const config = {
    apiUrl: current,
    apiUrlChosen: false,
    caFile: undefined,
    dataDir: '/nowhere',
    requestTimeoutMs: 1_000,
  }
  await using _following = startFollowingMove({
    config,
    env: {},
    installation: { urls: () => urls, onChange: () => () => {} },
    gate: { isDown: () => false },
    keys() {
      throw new Error('the keys cannot be read')
    },
    restart: () => assert.fail('it went'),
    problems,
    clock,
    log: silentLog,
  })
  await clock.advance(5_000)
  assert.match(problems.of('move'), /cannot go there: the keys cannot be read$/)
  await clock.advance(5_000)
  assert.notEqual(problems.of('move'), '', 'it is not looked at again yet')
  urls = [current, 'https://spare.example.com']
  await clock.advance(5_000)
  assert.equal(problems.of('move'), '')
})
