import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newNsk, nskBytes } from './nsk.ts'

describe('newNsk', () => {
  it('makes 32 random bytes as base64, the form of the seed', () => {
    const nsk = newNsk('base64')

    assert.match(nsk, /^[A-Za-z0-9+/]{43}=$/)
    assert.equal(nskBytes(nsk).length, 32)
    assert.notEqual(nsk, newNsk('base64'))
  })

  it('makes 32 characters for Go nodes, which use them as they are', () => {
    const nsk = newNsk('raw32')

    assert.match(nsk, /^[A-Za-z0-9_-]{32}$/)
    assert.deepEqual(nskBytes(nsk), new Uint8Array(Buffer.from(nsk, 'ascii')))
    assert.notEqual(nsk, newNsk('raw32'))
  })
})

describe('nskBytes', () => {
  it('reads base64', () => {
    assert.deepEqual(nskBytes(Buffer.alloc(32, 7).toString('base64')), new Uint8Array(32).fill(7))
  })

  it('refuses a text of another length, and does not show it', () => {
    for (const text of [
      '',
      'AAAA',
      'not base64 at all!',
      'ü'.repeat(32),
      Buffer.alloc(33).toString('base64'),
    ]) {
      assert.throws(
        () => nskBytes(text),
        (error: Error) => text === '' || !error.message.includes(text),
      )
    }
  })
})
