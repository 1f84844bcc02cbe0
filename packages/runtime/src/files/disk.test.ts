import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { diskFault, diskRemedy, probeDisk } from './disk.ts'

describe('diskFault', () => {
  it('finds the reason behind other words, and in those of SQLite', async () => {
    const cause = await fullDiskError()
    assert.match(diskFault(new Error('save', { cause })) ?? '', /^ENOSPC/)
    using database = new DatabaseSync(':memory:')
    database.exec('PRAGMA page_size = 512; PRAGMA max_page_count = 2; CREATE TABLE t (x)')
    assert.throws(
      () => database.exec(`INSERT INTO t VALUES (zeroblob(100000))`),
      (error) => diskFault(error) === 'database or disk is full',
    )
    assert.throws(
      () => database.exec('no statement'),
      (error) => diskFault(error) === undefined,
    )
  })
})

describe('diskRemedy', () => {
  it('goes by what the disk has against a write', () => {
    assert.equal(diskRemedy('ENOSPC: no space left on device, write'), 'make room')
    assert.equal(diskRemedy('attempt to write a readonly database'), 'mount it for writing')
    for (const fault of ['EIO: i/o error, fsync', 'disk I/O error'])
      assert.match(diskRemedy(fault), /^the disk fails/)
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
