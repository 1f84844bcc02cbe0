import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { verifyBackup } from '../backup/verify.ts'
import { newestSchema } from '../store/migrate.ts'
import { makeFirstVersion } from '../store/testing/first-version.ts'
import { startProcess } from '../testing/child.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

describe('a database of the version before', () => {
  it('is changed after a backup of it was made, where the settings say how, and not without', async () => {
    await using folder = await makeTemporaryFolder()
    const dataDir = join(folder.path, 'data')
    await mkdir(dataDir)
    await makeFirstVersion(join(dataDir, 'control-plane.db'))
    await writeFile(join(dataDir, 'master.key'), Buffer.alloc(32, 1).toBase64(), { mode: 0o600 })
    const backups = join(folder.path, 'backups')
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--insecure-http']
    args.push('--stun-listen', 'off', '--admin-socket', 'off')
    args.push('--backup-folder', backups, '--backup-unencrypted')

    await assert.rejects(
      startProcess(args),
      /there has to be a backup first, and that failed: .*there is no such folder.*: mend that, start the version before again, or do without a backup by leaving out backup_folder/s,
    )
    assert.equal(schemaOf(dataDir), 1)

    await mkdir(backups)
    await using running = await startProcess(args)
    assert.equal((await fetch(`${running.url}/readyz`)).status, 200)
    assert.equal(schemaOf(dataDir), newestSchema)
    const [name = ''] = await readdir(backups)
    const { manifest } = await verifyBackup({
      file: join(backups, name),
      identities: undefined,
      masterKeyFile: join(dataDir, 'master.key'),
      onProgress: () => {},
    })
    assert.deepEqual([manifest.schema_version, manifest.nodes], [1, 2])
  })
})

function schemaOf(dataDir: string): unknown {
  using database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  return database.prepare('select version from schema_version').get()?.version
}
