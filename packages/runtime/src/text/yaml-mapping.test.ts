import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseMapping } from './yaml-mapping.ts'

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

  it('refuses a tag that means nothing, without a word of it on stderr', () => {
    assert.throws(() => parseMapping('token: !secret hunter2', 'x.yaml'), {
      message: 'parse "x.yaml": Unresolved tag: !secret at line 1, column 8',
    })
  })
})
