import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hostnameKey, hostnameProblem, parseHostname } from './hostname.ts'

describe('parseHostname', () => {
  const spellings: [given: string, stored: string][] = [
    ['web-01', 'web-01'],
    ['Web-01', 'web-01'],
    ['web-01.', 'web-01'],
    ['DB.Example.COM', 'db.example.com'],
    ['3com', '3com'],
    ['10-100-0-1', '10-100-0-1'],
    ['1.2.3.4.example', '1.2.3.4.example'],
    ['localhost-1', 'localhost-1'],
    ['localhost.example', 'localhost.example'],
    [`${'a'.repeat(63)}.b`, `${'a'.repeat(63)}.b`],
  ]
  for (const [given, stored] of spellings)
    it(`reads "${given}" as "${stored}"`, () => assert.equal(parseHostname(given), stored))

  const refused = [
    '',
    '.',
    '..',
    'web..01',
    '.web',
    'web-01..',
    '-rf',
    'web-',
    'web-.example',
    '*',
    'role=web',
    'node:web',
    'web_01',
    'n_0123456789abcdef',
    'web 01',
    'web\n',
    'web\u0000',
    'web/01',
    'wеb', // Cyrillic
    'café', // NFC
    'cafe\u0301', // NFD
    'we\u034fb',
    'we\u200bb',
    '\u212aelvin', // lower case makes an ASCII k of it
    'a'.repeat(64),
    `${'a.'.repeat(126)}ab`,
    '10.100.0.1',
    '42',
    'web.7',
    '0x7f',
    '10.100.0.0/16',
    'localhost',
    'LocalHost.',
    'localhost.localdomain',
    'localhost6.localdomain6',
    'web.localhost',
  ]
  for (const text of refused)
    it(`refuses ${JSON.stringify(text)} with words`, () =>
      assert.match(
        hostnameProblem(text) ?? '',
        /^parse hostname ".*": (want letters|its last label|every machine)/s,
      ))

  const letter = fc.constantFrom(...'abcXYZ019')
  const word = fc
    .tuple(letter, fc.string({ unit: fc.constantFrom(...'abZ09-'), maxLength: 61 }), letter)
    .map((parts) => parts.join(''))
  const names = fc
    .tuple(fc.array(word, { maxLength: 2 }), word, fc.constantFrom('a', 'Z', 'com'))
    .map(([front, middle, last]) => [...front, middle, last].join('.'))

  it('takes every name that the rule makes, and its own answer again', () => {
    fc.assert(
      fc.property(names, (text) => {
        const stored = parseHostname(text)
        assert.equal(stored, text.toLowerCase())
        assert.equal(parseHostname(stored), stored)
        assert.equal(parseHostname(`${stored}.`), stored)
        assert.equal(hostnameKey(text), stored)
      }),
    )
  })

  it('gives nothing but plain lower-case names, whatever is given', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'aZ9-._\u0301\u034f\u0456:/*= ') }),
    )
    fc.assert(
      fc.property(anything, (text) => {
        if (hostnameProblem(text) === undefined)
          assert.match(parseHostname(text), /^(?!n_)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/)
      }),
      { numRuns: 2_000 },
    )
  })
})
