import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { loadWatchEnd } from './process-end.ts'

it('tells when a process has ended, once, and not any more after it was disposed of', async () => {
  const watchEnd = await loadWatchEnd()
  const [watched, left] = [spawn('sleep', ['60']), spawn('sleep', ['60'])]
  const ended: string[] = []
  using _ = watchEnd(watched.pid ?? 0, () => ended.push('watched'))
  watchEnd(left.pid ?? 0, () => ended.push('left'))[Symbol.dispose]()
  left.kill('SIGKILL')
  watched.kill('SIGKILL')
  await until('it is told', () => ended.length > 0)
  assert.deepEqual(ended, ['watched'])
})

it('has nothing to tell of a process that does not exist', async () => {
  const watchEnd = await loadWatchEnd()
  watchEnd(2 ** 22 + 1, () => assert.fail('there is none'))[Symbol.dispose]()
})
