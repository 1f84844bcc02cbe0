import assert from 'node:assert/strict'
import { it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { startControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

it('asks no Go node for a key any longer that an earlier version asked, says so once, and asks the others', async () => {
  await using folder = await makeTemporaryFolder()
  const dataDir = folder.path
  {
    await using before = await startControlPlane({ dataDir })
    await before.enrol('go-01', { userAgent: 'plexd/1.4.2' })
    await before.enrol('web-01')
    await before.app.store.write((tx) =>
      tx.updateTable('nodes').set({ rotate_keys: 1 }).execute().then(),
    )
  }
  const told: string[] = []
  const log = {
    ...silentLog,
    warn: (message: string, fields = {}) => {
      if (message.startsWith('key rotations')) told.push(JSON.stringify(fields))
    },
  }
  for (const count of [1, 1]) {
    await using plane = await startControlPlane({ dataDir, log })
    const { items } = (await plane.admin.listNodes({})).body
    assert.deepEqual(
      items
        .map(({ hostname, key_rotation_requested }) => [hostname, key_rotation_requested])
        .sort(),
      [
        ['go-01', false],
        ['web-01', true],
      ],
    )
    assert.equal(told.length, count)
  }
  assert.match(told[0] ?? '', /^{"nodes":\["go-01 \(n_\w+\)"\]}$/)
})
