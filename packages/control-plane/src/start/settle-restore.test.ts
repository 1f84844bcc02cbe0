import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { it } from 'node:test'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { commitRestore, settleRestore } from './settle-restore.ts'

const stamp = '20260310T120000Z'
const names = ['control-plane.db', 'ca.crt', 'tls']

for (const hasContent of [false, true])
  it(`a restore that is cut off has happened completely or not at all${hasContent ? ', and loses nothing of what was there' : ''}`, async () => {
    let outcomes = ''
    for (let step = 0, isDone = false; !isDone; step++) {
      await using folder = await makeTemporaryFolder()
      const { path } = folder
      await writeFile(join(path, 'lock'), '')
      if (hasContent) await fill(path, 'old')
      await fill(join(path, '.restore'), 'new')

      isDone = endsAfter(step, () => commitRestore(path, stamp))
      // So may the one that finishes it.
      endsAfter(step % 3, () => settleRestore(path))
      settleRestore(path)

      const state = await contentOf(path)
      const aside = join(path, `before-restore-${stamp}`)
      outcomes += state === 'new' ? 'N' : 'o'
      if (state === 'new' && hasContent) assert.equal(await contentOf(aside), 'old')
      else assert.equal(state, state === 'new' ? 'new' : hasContent ? 'old' : '')
      assert.deepEqual(
        (await readdir(path)).filter((name) => name.startsWith('.')),
        [],
      )
    }
    assert.match(outcomes, /^oN{3,}$/)
  })

async function fill(folder: string, text: string): Promise<void> {
  await mkdir(join(folder, 'tls'), { recursive: true })
  for (const name of [...names.slice(0, 2), 'tls/ca.key']) await writeFile(join(folder, name), text)
}

/** The text that all files have; empty where there are none. */
async function contentOf(folder: string): Promise<string> {
  const found = (await readdir(folder)).filter((name) => names.includes(name))
  if (found.length === 0) return ''
  assert.equal(found.length, names.length, folder)
  const texts = await Promise.all(
    [...names.slice(0, 2), 'tls/ca.key'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  assert.equal(new Set(texts).size, 1)
  return texts[0] ?? ''
}

/** Whether the work is done with so many renames; it is cut off in front of the next. */
function endsAfter(renames: number, work: () => void): boolean {
  const { renameSync } = fs
  let left = renames
  fs.renameSync = (from, to) => {
    if (left-- === 0) throw new Error('cut off')
    renameSync(from, to)
  }
  syncBuiltinESMExports()
  try {
    work()
    return true
  } catch (error) {
    assert.equal((error as Error).message, 'cut off')
    return false
  } finally {
    fs.renameSync = renameSync
    syncBuiltinESMExports()
  }
}
