import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SFTPWrapper } from 'ssh2'
import { callsUntil } from './call.ts'
import { listFolder } from './list-folder.ts'

type Done = (error: unknown, result?: unknown) => void

/** A node that gives these names, answer by answer. */
function aNode(answers: Iterator<string[]>) {
  const steps: string[] = []
  const sftp = {
    opendir: (_path: string, done: Done) => done(undefined, Buffer.from('handle')),
    readdir(_handle: Buffer, _options: unknown, done: Done) {
      const { value, done: isOver } = answers.next()
      if (isOver) done(Object.assign(new Error('end'), { code: 1 }))
      else
        done(
          undefined,
          (value as string[]).map((filename) => ({ filename })),
        )
    },
    close(_handle: Buffer, done: Done) {
      steps.push('closed')
      done(undefined)
    },
  } as unknown as SFTPWrapper // what is used of it
  return { steps, remote: { sftp, call: callsUntil(new Promise(() => {})) } }
}

describe('listFolder', () => {
  it('takes the names of all answers, without those of the folder itself', async () => {
    const { remote, steps } = aNode([['.', '..'], ['a', '..', 'b'], ['c']].values())
    assert.deepEqual(await listFolder(remote, '/etc'), ['a', 'b', 'c'])
    assert.deepEqual(steps, ['closed'])
  })

  it('gives a folder without an end up', async () => {
    function* endless(): Generator<string[]> {
      for (;;) yield Array<string>(100_000).fill('x')
    }
    const { remote, steps } = aNode(endless())
    await assert.rejects(listFolder(remote, '/etc'), { message: 'it has more than 1000000 files' })
    assert.deepEqual(steps, ['closed'])
  })
})
