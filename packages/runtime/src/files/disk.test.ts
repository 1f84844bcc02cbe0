import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { diskFault, probeDisk } from './disk.ts'

describe('diskFault', () => {
  it('finds the reason behind other words, and in those of SQLite', async () => {
    const cause = await fullDiskError()
    assert.match(diskFault(new Error('save', { cause }))?.reason ?? '', /^ENOSPC/)
    using database = new DatabaseSync(':memory:')
    database.exec('PRAGMA page_size = 512; PRAGMA max_page_count = 2; CREATE TABLE t (x)')
    assert.throws(
      () => database.exec(`INSERT INTO t VALUES (zeroblob(100000))`),
      (error) => diskFault(error)?.reason === 'database or disk is full',
    )
    assert.throws(
      () => database.exec('no statement'),
      (error) => diskFault(error) === undefined,
    )
  })

  it('says what to do, by what the disk has against a write', () => {
    for (const [code, remedy] of [
      [{ code: 'ENOSPC' }, 'make room'],
      [{ code: 'EDQUOT' }, 'make room'],
      [{ errcode: 8 }, 'mount it for writing'],
      [{ code: 'EIO' }, 'the disk fails, look at "dmesg"'],
      [{ errcode: 10 }, 'the disk fails, look at "dmesg"'],
    ] as const)
      assert.equal(diskFault(Object.assign(new Error('write'), code))?.remedy, remedy)
  })
})

describe('probeDisk', () => {
  it('leaves nothing, and rejects where nothing can be written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    try {
      await probeDisk(folder)
      assert.deepEqual(await readdir(folder), [])
      await assert.rejects(probeDisk(join(folder, 'none')), { code: 'ENOENT' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

async function fullDiskError(): Promise<unknown> {
  return writeFile('/dev/full', 'x').then(
    () => assert.fail('/dev/full takes something'),
    (error: unknown) => error,
  )
}
