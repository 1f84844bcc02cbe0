import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { editMapping, parseMapping } from './yaml-mapping.ts'

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

describe('editing a mapping', () => {
  it('keeps comments, and what it was not told of', () => {
    const text = '# Settings.\n\n# the name\nhostname: old # was db\nmesh:\n  # UDP\n  port: 1\n'
    const values = [
      [['hostname'], 'web-01'],
      [['mesh', 'enabled'], false],
      [['node_api', 'socket'], '/run/a.sock'],
    ] as const

    assert.equal(
      editMapping(text, values, 'x'),
      '# Settings.\n\n# the name\nhostname: web-01 # was db\nmesh:\n  # UDP\n  port: 1\n  enabled: false\nnode_api:\n  socket: /run/a.sock\n',
    )
  })

  it('begins a file that is empty, or has nothing but comments', () => {
    assert.equal(editMapping('', [[['a', 'b'], 1]], 'x'), 'a:\n  b: 1\n')
    const text = '# Settings.\n\n# the name\n#hostname: web\n'
    const edited = editMapping(text, [[['hostname'], 'db']], 'x')
    for (const line of text.trim().split('\n')) assert.ok(edited.split('\n').includes(line), edited)
    assert.match(edited, /^hostname: db$/m)
  })

  it('does not guess where a value belongs', () => {
    const edit = () => editMapping('mesh: off\n', [[['mesh', 'enabled'], false]], 'a.yaml')
    assert.throws(edit, /edit "a.yaml": there is no place for "mesh.enabled"/)
    assert.throws(() => editMapping('- a\n', [[['b'], 1]], 'a.yaml'), /want a mapping/)
  })
})
