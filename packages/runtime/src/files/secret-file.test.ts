import assert from 'node:assert/strict'
import { chmod, chown, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { ownersHere, readSecretFile, secretFault } from './secret-file.ts'

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
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('leaves to who reads a file what it tells to mend', async () => {
  const found = { ...(await stat('/proc/self/stat')), isFile: () => true }
  const remedyOf = (uid: number, mode: number, owners: readonly number[]): string | undefined =>
    secretFault('F', { ...found, uid, mode }, owners)?.remedy
  assert.equal(remedyOf(0, 0o644, [0]), 'chmod 600 F')
  assert.equal(remedyOf(501, 0o644, [0, 501]), 'chmod 600 F')
  assert.equal(remedyOf(501, 0o644, [501, 0]), 'chmod 600 F')
  assert.equal(remedyOf(0, 0o644, [501, 0]), 'chown 501 F && chmod 600 F')
  assert.equal(remedyOf(502, 0o644, [501, 0]), 'chown 501 F && chmod 600 F')
  assert.equal(remedyOf(502, 0o600, [501, 0]), 'chown 501 F')
  assert.equal(remedyOf(501, 0o600, [501, 0]), undefined)
  assert.equal(remedyOf(0, 0o640, [501, 0]), undefined)
})

it('believes, for root, who owns the folder of a daemon before root', async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('needs root, to give a folder away')
  const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
  try {
    assert.deepEqual(ownersHere(folder), [0])
    assert.deepEqual(ownersHere(join(folder, 'none')), [0])
    await chown(folder, 12_345, 12_345)
    assert.deepEqual(ownersHere(folder), [12_345, 0])
  } finally {
    await rm(folder, { recursive: true })
  }
})
