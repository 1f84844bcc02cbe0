import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseMapping, readConfigFile } from './config-file.ts'

describe('parseMapping', () => {
  it('reads YAML and JSON', () => {
    assert.deepEqual(parseMapping('api: https://cp\nmesh: {port: 51820}\n', 'f'), {
      api: 'https://cp',
      mesh: { port: 51820 },
    })
    assert.deepEqual(parseMapping('{"api": "https://cp"}', 'f'), { api: 'https://cp' })
  })

  it('takes an empty text, and one of comments, for an empty mapping', () => {
    assert.deepEqual(parseMapping('', 'f'), {})
    assert.deepEqual(parseMapping('# nothing yet\n', 'f'), {})
  })

  const mistakes: [title: string, text: string, message: string][] = [
    ['a key twice', 'a: 1\na: 2', 'parse "f": Map keys must be unique at line 2, column 1'],
    ['a list', '- a', 'parse "f": want a mapping of names to values at the top'],
    ['a word', 'a', 'parse "f": want a mapping of names to values at the top'],
  ]
  for (const [title, text, message] of mistakes) {
    it(`refuses ${title} with the name of the file`, () => {
      assert.throws(() => parseMapping(text, 'f'), { message })
    })
  }

  it('names the line and does not show it, as it may hold a secret', () => {
    assert.throws(
      () => parseMapping('server: x\ntoken: "s3cret\n', 'f'),
      (error: Error) => {
        assert.match(error.message, /^parse "f": .* at line 3, column 1$/)
        assert.doesNotMatch(error.message, /s3cret/)
        return true
      },
    )
  })
})

describe('readConfigFile', () => {
  it('tells a file that is not there from one that cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-'))
    const path = join(folder, 'config.yaml')
    try {
      assert.equal(await readConfigFile(path), undefined)
      await writeFile(path, 'a: 1')
      assert.deepEqual(await readConfigFile(path), { a: 1 })
      await assert.rejects(readConfigFile(folder), { message: `read config "${folder}"` })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
