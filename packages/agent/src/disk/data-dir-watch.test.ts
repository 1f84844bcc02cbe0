import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import { watchDataDir } from './data-dir-watch.ts'

it('tells while the data dir is not the one that it was, and not while it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'agent.db'), '')
  const clock = createFakeClock()
  const problems = createProblems()
  using _watch = watchDataDir({ dataDir, problems, clock })
  await clock.advance(5_000)
  assert.deepEqual(problems.list(), [])

  await rename(dataDir, `${dataDir}-aside`)
  await clock.advance(5_000)
  assert.match(problems.list().join(), /^the data dir ".*" was removed while plexd runs/)

  await cp(`${dataDir}-aside`, dataDir, { recursive: true })
  await clock.advance(5_000)
  assert.match(problems.list().join(), /is another one than when plexd started.*: restart plexd$/)

  await rm(dataDir, { recursive: true })
  await rename(`${dataDir}-aside`, dataDir)
  await clock.advance(5_000)
  assert.deepEqual(problems.list(), [])
  await rm(folder, { recursive: true })
})
