import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { formatJoin, type Join, readJoin } from './join-string.ts'

const join: Join = {
  url: 'https://cp.example.com:8443',
  token: 'plx_enroll_0123456789abcdefghjkmnpqrstvwxyz',
  ca: `sha256:${'0a'.repeat(32)}`,
}

describe('a join string', () => {
  it('says again what it was made from', () => {
    assert.deepEqual(readJoin(formatJoin(join)), join)
    const { ca: _, ...withPublicAuthority } = join
    assert.deepEqual(readJoin(`  ${formatJoin(withPublicAuthority)}\n`), withPublicAuthority)
  })

  it('ends with the CRC-32 that everybody computes', () => {
    const [, body = '', sum] = formatJoin(join).split('.')
    const bytes = Buffer.from(body, 'base64url')
    assert.equal(sum, crc32(bytes).toString(16).padStart(8, '0'))
  })

  it('is refused when a character is another, is missing, or there is one more', () => {
    const text = formatJoin(join)
    const place = fc.nat(text.length - 1)
    const character = fc.constantFrom(...'abcXYZ019-_. =+/\u00e9\0')
    fc.assert(
      fc.property(place, character, fc.constantFrom(0, 1), (at, other, taken) => {
        const changed = text.slice(0, at) + other + text.slice(at + taken)
        if (changed.trim() === text) return
        assert.throws(() => readJoin(changed), isRefusal)
      }),
    )
    for (let length = 0; length < text.length; length++)
      assert.throws(() => readJoin(text.slice(0, length)), isRefusal)
  })

  it('is refused whatever else it is, and what was given is not repeated', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.throws(() => readJoin(text), isRefusal)))
    assert.throws(() => readJoin('x'.repeat(1_000_000)), isRefusal)
    assert.throws(
      () => readJoin(join.token),
      (error: Error) => !error.message.includes('plx_'),
    )
  })

  it('of a later version says so', () => {
    assert.throws(
      () => readJoin('plexd-join-2.abc.def'),
      /it is of version "2", and this program knows 1: upgrade it/,
    )
  })

  it('with fields that nobody knows, or the wrong ones, is refused', () => {
    for (const wrong of [
      { ...join, more: 1 },
      { ...join, ca: 'sha256:short' },
      { ...join, token: '' },
      [],
    ]) {
      const bytes = Buffer.from(JSON.stringify(wrong))
      const sum = crc32(bytes).toString(16).padStart(8, '0')
      const text = `plexd-join-1.${bytes.toString('base64url')}.${sum}`
      assert.throws(() => readJoin(text), /damaged or not whole/)
    }
  })
})

const isRefusal = (error: unknown): boolean =>
  error instanceof RangeError && error.message.startsWith('read join string: ')
