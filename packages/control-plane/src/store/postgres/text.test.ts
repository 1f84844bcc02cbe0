import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeText, encodeText } from './text.ts'

const text = fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', 'é') })

describe('encodeText', () => {
  it('leaves no U+0000, is undone by decodeText, and keeps the order of texts', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        assert.ok(!encodeText(one).includes('\0'))
        assert.equal(decodeText(encodeText(one)), one)
        const stored = Buffer.compare(Buffer.from(encodeText(one)), Buffer.from(encodeText(other)))
        assert.equal(stored, Buffer.compare(Buffer.from(one), Buffer.from(other)))
      }),
    )
  })
})
