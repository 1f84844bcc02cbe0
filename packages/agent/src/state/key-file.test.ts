import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyFileName } from './key-file.ts'

describe('keyFileName', () => {
  it('keeps a plain key readable', () => {
    assert.equal(keyFileName('nginx.conf'), 'nginx.conf.json')
  })

  it('never gives a path', () => {
    for (const key of ['../../identity', '/etc/passwd', '..', '.', 'a/b', 'a\0b', ''])
      assert.doesNotMatch(keyFileName(key), /[/\0]|^\.{1,2}$/)
  })

  it('gives a long key a name that fits, and each its own', () => {
    const [a, b] = [keyFileName(`${'ü'.repeat(300)}a`), keyFileName(`${'ü'.repeat(300)}b`)]
    assert.ok(a.length < 100)
    assert.notEqual(a, b)
  })

  it('tells lone surrogates apart', () => {
    assert.notEqual(keyFileName('\ud800'), keyFileName('\ud801'))
  })
})
