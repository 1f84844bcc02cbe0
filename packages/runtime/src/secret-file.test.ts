import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { ownersHere, readSecretFile } from './secret-file.ts'

it('reads a secret that is kept from others, and no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
  try {
    const path = join(folder, 'token')
    const other = join(folder, 'link')
    await writeFile(path, 's3cret\n')
    await symlink(path, other)
    for (const mode of [0o600, 0o400, 0o640]) {
      await chmod(path, mode)
      assert.equal(readSecretFile(path, 'read token'), 's3cret\n')
    }
    for (const [mode, why] of [
      [0o644, 'read it (mode 0644)'],
      [0o604, 'read it (mode 0604)'],
      [0o660, 'change it (mode 0660)'],
      [0o602, 'change it (mode 0602)'],
    ] as const) {
      await chmod(path, mode)
      for (const name of [path, other])
        assert.throws(() => readSecretFile(name, 'read token'), {
          message: `read token: users other than its owner may ${why}: chmod 600 ${name}`,
        })
    }
    await chmod(path, 0o600)
    const { uid } = await stat(path)
    assert.equal(readSecretFile(path, 'read token', ownersHere()), 's3cret\n')
    assert.throws(() => readSecretFile(path, 'read token', [uid + 1]), {
      message: `read token: it belongs to another user (uid ${uid}, mode 0600): chown ${uid + 1} ${path}`,
    })
    assert.equal(readSecretFile('/dev/null', 'read token', [uid + 1]), '')
    assert.throws(() => readSecretFile('/dev/zero', 'read token'), {
      message: 'read token: it is larger than 1048576 bytes',
    })
    // A folder opens, and fails only when it is read.
    for (const name of [join(folder, 'none'), folder]) {
      assert.throws(() => readSecretFile(name, 'read token'), { message: 'read token' })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
