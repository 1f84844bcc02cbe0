import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { SourceStatus } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../../health/problems.ts'
import { startSourceProblems } from './source-problems.ts'

it('a source is a problem of the node for as long as it has failed', async () => {
  const problems = createProblems()
  const clock = createFakeClock()
  let sources: SourceStatus[] = [
    { name: 'journald', state: 'running', detail: 'all units' },
    { name: '/srv/log', state: 'failed', detail: 'it is a folder' },
    { name: '/srv/later.log', state: 'waiting', detail: 'no such file yet' },
  ]
  await using _told = startSourceProblems({ kind: 'logs', sources: () => sources, problems, clock })
  await clock.advance(2_000)
  assert.deepEqual(problems.list(), [
    'logs from "/srv/log": it is a folder: "plexd log-status" tells more',
  ])
  sources = sources.slice(0, 1)
  await clock.advance(2_000)
  assert.deepEqual(problems.list(), [])
})

it('a source that tells of itself is no second problem', async () => {
  const problems = createProblems()
  const clock = createFakeClock()
  problems.set('scrape http://x', 'metrics of "http://x" cannot be read')
  const failed: SourceStatus = {
    name: 'http://x',
    state: 'failed',
    detail: problems.of('scrape http://x'),
  }
  const sources = () => [failed]
  await using _told = startSourceProblems({ kind: 'metrics', sources, problems, clock })
  await clock.advance(2_000)
  assert.equal(problems.list().length, 1)
})
