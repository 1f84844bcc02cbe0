import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runModule } from '../testing/child.ts'
import { createFileAtomic, writeFileAtomic } from './atomic-file.ts'

const makeFolder = () => mkdtempDisposable(join(tmpdir(), 'plexd-'))
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

describe('writeFileAtomic', () => {
  it('writes a file that only its owner reads, in a folder that it makes', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'a/b/identity.json')

    await writeFileAtomic(path, 'one')

    assert.equal(await readFile(path, 'utf8'), 'one')
    assert.equal(await modeOf(path), 0o600)
    assert.equal(await modeOf(join(folder.path, 'a')), 0o700)
  })

  it('replaces content and mode, and leaves nothing else behind', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'ca.crt')

    await writeFileAtomic(path, 'one')
    await writeFileAtomic(path, new Uint8Array([1, 2]), { mode: 0o644 })

    assert.deepEqual(new Uint8Array(await readFile(path)), new Uint8Array([1, 2]))
    assert.equal(await modeOf(path), 0o644)
    assert.deepEqual(await readdir(folder.path), ['ca.crt'])
  })

  it('writes a name as long as the file system allows', async () => {
    await using folder = await makeFolder()
    const name = 'x'.repeat(255)

    await writeFileAtomic(join(folder.path, name), 'one')

    assert.deepEqual(await readdir(folder.path), [name])
  })

  it('fails without a trace when it cannot replace what is there', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'identity.json')
    await mkdir(join(path, 'full'), { recursive: true })

    await assert.rejects(writeFileAtomic(path, 'one'), { message: `write "${path}"` })

    assert.deepEqual(await readdir(folder.path), ['identity.json'])
    assert.deepEqual(await readdir(path), ['full'])
  })

  it('leaves the old or the new content when the process is killed', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'state.json')
    const writer = `
      import { writeFileAtomic } from ${JSON.stringify(import.meta.resolve('./atomic-file.ts'))}
      for (let n = 0; ; n++) {
        await writeFileAtomic(${JSON.stringify(path)}, String(n % 10).repeat(200_000))
        if (n === 3) console.log('ready')
      }`
    for (let kill = 0; kill < 3; kill++) {
      const { signal } = await runModule(writer, (child) =>
        setTimeout(() => child.kill('SIGKILL'), 40 * Math.random()),
      )

      assert.equal(signal, 'SIGKILL')
      assert.match(await readFile(path, 'utf8'), /^(\d)\1{199999}$/)
    }
  })
})

describe('createFileAtomic', () => {
  it('writes a file that is not there, and leaves one that is', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'sub/plexd')

    assert.equal(await createFileAtomic(path, 'one'), true)
    assert.equal(await createFileAtomic(path, 'two'), false)

    assert.equal(await readFile(path, 'utf8'), 'one')
    assert.deepEqual(await readdir(join(folder.path, 'sub')), ['plexd'])
  })

  it('finds one where nothing can be written', async () => {
    assert.equal(await createFileAtomic('/proc/version', 'one'), false)
  })

  it('lets one of many writers win', async () => {
    await using folder = await makeFolder()
    const path = join(folder.path, 'plexd')

    const wins = await Promise.all(['a', 'b', 'c', 'd'].map((text) => createFileAtomic(path, text)))

    const winner = ['a', 'b', 'c', 'd'][wins.indexOf(true)]
    assert.equal(wins.filter(Boolean).length, 1)
    assert.equal(await readFile(path, 'utf8'), winner)
  })
})
