import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { escapeJson, printable, printableLines } from './printable.ts'

/** By name, as the reports of attacks have them. */
const tricks = {
  'C0 and C1': '\u0007\u001b\u007f\u009b',
  'right-to-left override': '\u202e',
  isolate: '\u2066\u2069',
  'zero width': '\u200b\u200c\u200d\u2060',
  'byte order mark': '\ufeff',
  separators: '\u2028\u2029',
  'soft hyphen': '\u00ad',
  'grapheme joiner': '\u034f',
  tags: '\u{e0001}\u{e0041}',
  fillers: '\u115f\u3164\uffa0',
  'lone surrogates': '\ud800x\udfff',
}

const categories = /^[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]$/u
const hidden = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).filter(
  (char) => categories.test(char),
)
const piece = fc.oneof(fc.constantFrom(...hidden), fc.string({ unit: 'binary', maxLength: 3 }))
const text = fc.array(piece).map((pieces) => pieces.join(''))

describe('printable', () => {
  for (const [name, trick] of Object.entries(tricks))
    it(`shows no ${name}`, () => {
      assert.equal(printable(`a${trick}b`).replaceAll(/[?x]/g, ''), 'ab')
    })

  it('leaves text as people write it', () => {
    const samples = 'ünï Köln 東京 עברית हिन्दी e\u0301 😀~?'
    assert.equal(printable(samples), samples)
  })

  it('shows nothing of the categories Cc, Cf, Zl, Zp and Cs, one mark for each', () => {
    assert.ok(hidden.length > 2_280)
    for (const char of hidden) assert.equal(printable(`a${char}b`), 'a?b')
    fc.assert(
      fc.property(text, (text) => {
        assert.ok(!Array.from(printable(text)).some((char) => categories.test(char)))
      }),
    )
  })
})

describe('printableLines', () => {
  it('keeps lines and tabs, and nothing else that is hidden', () => {
    assert.equal(printableLines('a\tb\r\n\u202ec\u0000\n'), 'a\tb?\n?c?\n')
  })
})

describe('escapeJson', () => {
  it('means the same, and hides nothing', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(0, 2), (text, indent) => {
        const escaped = escapeJson(JSON.stringify({ [text]: [text] }, null, indent))

        assert.deepEqual(JSON.parse(escaped), { [text]: [text] })
        assert.equal(printable(escaped.replaceAll('\n', '')), escaped.replaceAll('\n', ''))
      }),
    )
  })

  it('writes what lies outside of 16 bits as the two escapes that JSON has for it', () => {
    assert.equal(escapeJson('"\u{e0041}"'), '"\\udb40\\udc41"')
  })
})
