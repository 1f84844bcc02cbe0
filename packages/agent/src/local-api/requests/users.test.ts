import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { makeFolder } from '../../testing/node.ts'
import { describeWriter, readUsers } from './users.ts'

it('names who wrote a report, and does not pretend to know who came over TCP', async () => {
  await using folder = await makeFolder()
  const path = join(folder.path, 'passwd')
  await writeFile(path, 'root:x:0:0:root:/root:/bin/bash\n\nalice:x:1000:1000::/home/alice:\n')
  const users = await readUsers(path)
  assert.deepEqual(
    ['0', '1000', '4711', 'tcp', undefined].map((writer) => describeWriter(writer, users)),
    [
      'written by user root (0)',
      'written by user alice (1000)',
      'written by user 4711',
      'written over TCP, by whoever holds the token',
      '',
    ],
  )
  assert.deepEqual(await readUsers(join(folder.path, 'none')), new Map())
})
