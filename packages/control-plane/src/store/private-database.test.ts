import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane } from '../testing/harness.ts'

describe('the data folder', () => {
  it('shows nobody else a database, a key or a token', async () => {
    await using plane = await startControlPlane()
    const files = await readdir(plane.dataDir)

    const open: string[] = []
    for (const name of files) {
      const info = await stat(join(plane.dataDir, name))
      if (info.isFile() && (info.mode & 0o077) !== 0) open.push(name)
    }

    assert.ok(files.includes('telemetry.db'))
    assert.deepEqual(open, [])
  })
})
