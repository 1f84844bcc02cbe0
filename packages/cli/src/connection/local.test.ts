import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { localControlPlane } from './local.ts'

it('finds the control plane of this machine by its socket, and nothing where there is none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'plexctl-local-'))
  t.after(() => rm(folder, { recursive: true }))
  assert.equal(localControlPlane(folder), undefined)

  await writeFile(join(folder, 'admin.sock'), '')

  const from = 'the control plane of this machine'
  assert.deepEqual(localControlPlane(folder), {
    server: { value: `unix://${folder}/admin.sock`, from },
    tokenFile: { value: `${folder}/admin-token`, from },
  })
})
