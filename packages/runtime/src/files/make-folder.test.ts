import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { makeFolder } from './make-folder.ts'

describe('makeFolder', () => {
  const place = mkdtempSync(join(tmpdir(), 'plexd-folder-'))
  after(() => rmSync(place, { recursive: true }))

  it('makes what is missing, for its owner alone, and says whether anything was', () => {
    const path = join(place, 'a', 'b', 'c')
    assert.equal(makeFolder(path), true)
    assert.equal(makeFolder(path), false)
    for (const made of [path, join(place, 'a')]) assert.equal(statSync(made).mode & 0o777, 0o700)
    assert.equal(makeFolder(join(place, 'open'), 0o755), true)
    assert.equal(statSync(join(place, 'open')).mode & 0o777, 0o755)
    assert.equal(makeFolder('/'), false)
  })

  it('refuses where there is a file', () => {
    writeFileSync(join(place, 'file'), '')
    assert.throws(() => makeFolder(join(place, 'file')), { code: 'EEXIST' })
    assert.throws(() => makeFolder(join(place, 'file', 'below')), { code: 'ENOTDIR' })
  })

  it('refuses where nothing can be made, and does not try for ever', () => {
    assert.throws(() => makeFolder('/proc/no-such/folder'), { code: 'ENOENT' })
    assert.throws(() => makeFolder(''), { code: 'ENOENT' })
  })
})
