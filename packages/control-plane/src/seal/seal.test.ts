import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadMasterKey } from './master-key.ts'
import { derivePskMaster, pairPsk, pairPsks } from './psk.ts'
import { open, seal, sealAgain } from './seal.ts'

const newKey = () => createSecretKey(randomBytes(32))
const masterKey = { current: newKey(), previous: undefined }

describe('seal and open', () => {
  it('give back what was sealed, whatever it is', () => {
    for (const text of ['', 'hunter2', '\u0000é\u{1f600}', 'x'.repeat(256 * 1024)])
      assert.equal(
        open(masterKey, seal(masterKey, text, 'secret:ten_a:db'), 'secret:ten_a:db'),
        text,
      )
  })

  it('seal the same text differently each time', () => {
    assert.notEqual(seal(masterKey, 'a', 'b'), seal(masterKey, 'a', 'b'))
  })

  it('refuse another context, another key and a changed text, without showing any of it', () => {
    const sealed = seal(masterKey, 'hunter2', 'secret:ten_a:db')
    const changed = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA')
    const attempts = [
      () => open(masterKey, sealed, 'secret:ten_a:other'),
      () => open({ current: newKey(), previous: newKey() }, sealed, 'secret:ten_a:db'),
      () => open(masterKey, changed, 'secret:ten_a:db'),
      () => open(masterKey, 'v2.x.y', 'secret:ten_a:db'),
      () => open(masterKey, '', 'secret:ten_a:db'),
      () => open(masterKey, `${sealed}.x`, 'secret:ten_a:db'),
    ]
    for (const attempt of attempts)
      assert.throws(attempt, (error: Error) => {
        assert.match(error.message, /^open "secret:ten_a:(db|other)": /)
        assert.ok(
          !error.message.includes('hunter2') && !error.message.includes(sealed.slice(0, 12)),
        )
        return true
      })
  })
})

describe('sealAgain', () => {
  it('seals what is under the previous key under the current one, and leaves the rest', () => {
    const [old, next] = [newKey(), newKey()]
    const sealed = seal({ current: old, previous: undefined }, 'hunter2', 'db')
    const both = { current: next, previous: old }
    assert.equal(open(both, sealed, 'db'), 'hunter2')
    const again = sealAgain(both, sealed, 'db') ?? assert.fail()
    assert.equal(open({ current: next, previous: undefined }, again, 'db'), 'hunter2')
    assert.throws(() => open({ current: old, previous: undefined }, again, 'db'))
    assert.equal(sealAgain(both, again, 'db'), undefined)
  })

  it('refuses what neither opens', () => {
    const sealed = seal(masterKey, 'hunter2', 'db')
    assert.throws(
      () => sealAgain(masterKey, sealed, 'other'),
      /^Error: open "other": it was changed/,
    )
  })
})

describe('pairPsk', () => {
  const source = { master: derivePskMaster(masterKey.current), epoch: 0 }
  const web = { id: 'n_web', key_epoch: 1 }
  const db = { id: 'n_db', key_epoch: 4 }

  it('is the same from both sides, and 32 bytes long', () => {
    assert.equal(pairPsk(source, web, db), pairPsk(source, db, web))
    assert.equal(Buffer.from(pairPsk(source, web, db), 'base64').length, 32)
  })

  it('changes when either side rotates its key, with the pair, and with the epoch of the tenant', () => {
    const psks = [
      pairPsk(source, web, db),
      pairPsk(source, { ...web, key_epoch: 2 }, db),
      pairPsk(source, web, { ...db, key_epoch: 5 }),
      pairPsk(source, web, { ...db, id: 'n_cache' }),
      pairPsk(source, { ...web, key_epoch: 4 }, { ...db, key_epoch: 1 }),
      pairPsk({ ...source, epoch: 1 }, web, db),
      pairPsk({ ...source, epoch: 2 }, web, db),
    ]
    assert.equal(new Set(psks).size, psks.length)
  })

  it('is the same in a list, for each', () => {
    const others = Array.from({ length: 100 }, (_, index) => ({ id: `n_${index}`, key_epoch: 1 }))
    assert.deepEqual(
      pairPsks(source, web, others),
      others.map((other) => pairPsk(source, { ...other }, { ...web })),
    )
    assert.equal(new Set(pairPsks(source, web, others)).size, 100)
    assert.deepEqual(pairPsks(source, web, []), [])
  })

  it('stays what it is from one version of the program to the next', () => {
    const master = derivePskMaster(createSecretKey(Buffer.alloc(32, 7)))
    assert.equal(
      pairPsk({ master, epoch: 0 }, web, db),
      '6nW5Tvc1P+mRpBRfVMI+HskuFCiMCvSHbxmxfFvEyzo=',
    )
  })
})

describe('loadMasterKey', () => {
  const load = (folder: string) => loadMasterKey({ path: join(folder, 'master.key'), isNew: true })

  it('makes none where one was used, and says what to do', async () => {
    const path = join(tmpdir(), 'nowhere', 'master.key')
    await assert.rejects(
      loadMasterKey({ path, isNew: false }),
      /^Error: read master key ".*nowhere\/master\.key": it is missing.*put the file back/,
    )
  })

  it('makes the key at first start, 0600, and reads it afterwards', async () => {
    await withFolder(async (folder) => {
      const first = await load(folder)
      assert.equal((await stat(join(folder, 'master.key'))).mode & 0o777, 0o600)
      assert.ok(first.current.equals((await load(folder)).current))
      assert.deepEqual(await readdir(folder), ['master.key'])
    })
  })

  it('gives racing first starts one key', async () => {
    await withFolder(async (folder) => {
      const keys = await Promise.all(Array.from({ length: 8 }, () => load(folder)))
      for (const { current } of keys) assert.ok(current.equals(keys[0]?.current ?? assert.fail()))
    })
  })

  it('refuses a file that others may read, or its group may change', async () => {
    await withFolder(async (folder) => {
      await load(folder)
      for (const [mode, why] of [
        [0o644, /users other than its owner may read it \(mode 0644\): chmod 600 .*master\.key$/],
        [0o660, /users other than its owner may change it \(mode 0660\)/],
      ] as const) {
        await chmod(join(folder, 'master.key'), mode)
        await assert.rejects(load(folder), why)
      }
    })
  })

  it('refuses anything but 32 bytes, without showing it', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'master.key'), 'c2hvcnQ=', { mode: 0o600 })
      await assert.rejects(load(folder), /want 32 bytes in base64, or two lines/)
    })
  })

  it('keeps the key before until it is told to forget it, over restarts', async () => {
    await withFolder(async (folder) => {
      const key = await load(folder)
      const [first, firstId] = [key.current, key.id()]
      await key.replace()
      const [second, secondId] = [key.current, key.id()]
      assert.equal(new Set([firstId, secondId, first.export().toString('hex', 0, 6)]).size, 3)
      await key.replace() // it is being replaced already
      assert.ok(key.current.equals(second))

      const restarted = await load(folder)
      assert.deepEqual([restarted.id(), restarted.isReplacing()], [secondId, true])
      assert.ok(restarted.previous?.equals(first))
      await restarted.forgetPrevious()
      assert.equal(restarted.isReplacing(), false)
      assert.equal((await stat(join(folder, 'master.key'))).mode & 0o777, 0o600)

      const last = await load(folder)
      assert.deepEqual([last.id(), last.previous, last.isReplacing()], [secondId, undefined, false])
    })
  })
})

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-seal-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
