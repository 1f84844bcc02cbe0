import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane } from '../testing/harness.ts'

describe('the data folder', () => {
  it('shows nobody else a database, a key or a token', async () => {
    await using plane = await startControlPlane()
    const { api, node_id } = await plane.enrol('web')
    const body = { timestamp: new Date(0).toISOString(), corrections: [] }
    await api.reportDrift({ params: { node_id }, body })
    const files = await readdir(plane.dataDir, { recursive: true })

    const open: string[] = []
    for (const name of files) {
      const info = await stat(join(plane.dataDir, name))
      if (info.isFile() && (info.mode & 0o077) !== 0) open.push(name)
    }

    assert.ok(files.includes('telemetry/drift-000001.db'))
    assert.deepEqual(open, [])
  })
})
