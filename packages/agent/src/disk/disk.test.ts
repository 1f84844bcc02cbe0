import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { createProblems } from '../health/problems.ts'
import { watchDisk } from './disk.ts'

describe('a disk that takes nothing more', () => {
  it('is a problem that says where, until it takes something', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-disk-'))
    const dataDir = join(folder, 'data')
    const clock = createFakeClock()
    const problems = createProblems()
    {
      await using disk = watchDisk({ dataDir, problems, clock, log: silentLog })
      let timesRoom = 0
      disk.onRoom(() => timesRoom++)
      disk.failed(new Error('of something else'))
      assert.deepEqual(problems.list(), [])
      disk.failed(await fullDiskError())
      disk.failed(await fullDiskError())
      assert.deepEqual(problems.list(), [
        `nothing can be kept in "${dataDir}": ENOSPC: no space left on device, write: make room, plexd goes on by itself`,
      ])
      await clock.advance(2_000)
      assert.notDeepEqual(problems.list(), [], 'the folder is not even there')
      await mkdir(dataDir)
      await clock.advance(2_000)
      while (problems.list().length > 0) await clock.advance(2_000)
      assert.deepEqual(await readdir(dataDir), [])
      assert.equal(timesRoom, 1)
      disk.failed(await fullDiskError())
      assert.equal(problems.list().length, 1)
    }
    await rm(folder, { recursive: true })
  })
})

async function fullDiskError(): Promise<unknown> {
  return writeFile('/dev/full', 'x').then(
    () => assert.fail('/dev/full takes something'),
    (error: unknown) => error,
  )
}
