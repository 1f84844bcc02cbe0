import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { duplicateKey } from './duplicate-key.ts'

describe('duplicateKey', () => {
  for (const [text, key] of [
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"b":[{"a":{},"c":"a","a" : 2}]}', 'a'],
    ['{"":1,"":1}', ''],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ] as const)
    it(`finds one in ${text}`, () => assert.equal(duplicateKey(text), key))

  it('finds none where keys stand in different objects, or are values', () => {
    for (const text of [
      '[{"a":1},{"a":1}]',
      '{"a":{"a":"a"}}',
      '["a","a"]',
      '"a"',
      '{"a\\\\":1,"a":2}',
    ])
      assert.equal(duplicateKey(text), undefined, text)
  })

  it('passes over what is opaque, and goes on behind it', () => {
    const opaque = new Set(['payload'])
    assert.equal(duplicateKey('{"payload":{"a":1,"a":2},"b":1}', opaque), undefined)
    assert.equal(duplicateKey('{"payload":"x","b":1,"b":2}', opaque), 'b')
    assert.equal(duplicateKey('{"payload":1,"payload":2}', opaque), 'payload')
    assert.equal(duplicateKey('[{"payload":1}\n,{"c":1,"c":2}]', opaque), 'c')
  })

  it('finds none in what an encoder wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(duplicateKey(JSON.stringify(value)), undefined)
      }),
    )
  })
})
