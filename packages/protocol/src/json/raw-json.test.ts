import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compactJson, escapeHtml, rawMembers, rawParts } from './raw-json.ts'

const members = (text: string) => Object.fromEntries(rawMembers(text))

describe('rawMembers', () => {
  it('gives each value as it was written', () => {
    const text =
      ' { "a" : 1.50e2 , "b":12345678901234567890,"c" :[ 1, {"d":"}]"} ] ,"e":"\\u0041\\"","f":null}\n'

    assert.deepEqual(members(text), {
      a: '1.50e2',
      b: '12345678901234567890',
      c: '[ 1, {"d":"}]"} ]',
      e: '"\\u0041\\""',
      f: 'null',
    })
  })

  it('keeps the order of integer-like keys, which JSON.parse changes', () => {
    assert.deepEqual([...rawMembers('{"b":1,"2":2,"1":3}').keys()], ['b', '2', '1'])
  })

  it('keeps the last of a repeated key, as JSON.parse does', () => {
    assert.deepEqual(members('{"a":1,"\\u0061": 2 }'), { a: '2' })
  })

  it('keeps the key that objects cannot have', () => {
    assert.equal(rawMembers('{"__proto__":{"x":1}}').get('__proto__'), '{"x":1}')
  })

  it('reads an empty object', () => assert.deepEqual(members('{ }'), {}))

  for (const text of [
    '',
    '[]',
    '"a"',
    '1',
    'null',
    '{"a":1',
    '{"a":1}}',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":01}',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => rawMembers(text), SyntaxError))
  }

  it('has the keys and values of JSON.parse for any object, however it is written', () => {
    fc.assert(
      fc.property(writtenObject, (text) => {
        const parsed: Record<string, unknown> = JSON.parse(text)
        const raw = rawMembers(text)

        assert.deepEqual(new Set(raw.keys()), new Set(Object.keys(parsed)))
        for (const [key, value] of raw) {
          assert.ok(text.includes(value))
          assert.deepEqual(JSON.parse(value), parsed[key])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('reads a large text in little time', () => {
    const long = JSON.stringify({ a: '\\"'.repeat(500_000), b: Array(100_000).fill({ c: ',' }) })

    assert.equal(rawMembers(long).size, 2)
  })
})

describe('compactJson', () => {
  it('removes white space outside strings and changes nothing else', () => {
    assert.equal(
      compactJson(' { "a b" : [ 1.50e2 , " \\" , " ,12345678901234567890 ],\n\t"2":1, "1":2 }\r\n'),
      '{"a b":[1.50e2," \\" , ",12345678901234567890],"2":1,"1":2}',
    )
  })

  it('escapes what Go escapes', () => {
    assert.equal(
      compactJson('{"a":"<b> & \u2028\u2029 ü 😀"}'),
      '{"a":"\\u003cb\\u003e \\u0026 \\u2028\\u2029 ü 😀"}',
    )
  })

  it('means the same as before, has no white space to lose, and does not change again', () => {
    fc.assert(
      fc.property(writtenObject, (text) => {
        const compact = compactJson(text)

        assert.deepEqual(JSON.parse(compact), JSON.parse(text))
        assert.equal(compactJson(compact), compact)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is what JSON.stringify writes, up to the escapes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(compactJson(JSON.stringify(value, null, 2)), escapeHtml(JSON.stringify(value)))
      }),
    )
  })

  it('reads a long string full of escapes', () => {
    const text = JSON.stringify('\n'.repeat(1_000_000))

    assert.equal(compactJson(text), text)
  })
})

// JSON text as other programs write it: odd spaces, escapes, numbers and repeated keys.
const space = fc.constantFrom('', '', ' ', '\n\t', '\r\n  ')
const writtenString = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"a"',
    '"\\u0061"',
    '"1"',
    '"2"',
    '"\\/"',
    '"},{"',
    '"\\\\"',
    '"\\ud800"',
    '"__proto"',
  ),
)
// No backslash in a key: V8's JSON.parse confuses a later key with it (nodejs/node#63785).
const writtenKey = writtenString.filter((text) => !text.includes('\\\\'))
const writtenNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom('1.50e2', '-0', '1E+2', '12345678901234567890', '0.10'),
)
const { object: writtenObject } = fc.letrec<{ value: string; object: string; list: string }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.oneof(writtenString, writtenNumber, fc.constantFrom('true', 'false', 'null')),
      tie('object'),
      tie('list'),
    ),
    object: fc
      .array(fc.tuple(space, writtenKey, space, space, tie('value'), space), { maxLength: 4 })
      .map((parts) => parts.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`))
      .chain((parts) => space.map((around) => `${around}{${parts.join(',') || around}}${around}`)),
    list: fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
      .map((parts) => `[${parts.map((part) => part.join('')).join(',')}]`),
  }),
)

describe('rawParts', () => {
  const parts = (text: string) =>
    [...rawParts(text)].flatMap((part) => (part ? [[part.name, part.text]] : []))

  it('takes an object apart, its lists by their elements, as they were written', () => {
    assert.deepEqual(
      parts(' {"a" : [1.50, {"x":[-0,"]"]} , "\\""] ,"b":{ "c":[1]},"d":[ ],"e":null} '),
      [
        ['a', '1.50'],
        ['a', '{"x":[-0,"]"]}'],
        ['a', '"\\""'],
        ['b', '{ "c":[1]}'],
        ['d', '[ ]'],
        ['e', 'null'],
      ],
    )
    assert.deepEqual(parts('{}'), [])
  })

  it('lets its caller breathe in the middle of a long part', () => {
    const long = `[${'['.repeat(500_000)}${']'.repeat(500_000)}]`
    const seen = [...rawParts(`{"a":${long},"b":{"c":${long}}}`)]

    assert.equal(seen.filter((part) => part === undefined).length >= 8, true)
    assert.deepEqual(
      seen.flatMap((part) => (part ? [part.name, part.text.length] : [])),
      ['a', 1_000_000, 'b', 1_000_008],
    )
  })

  for (const text of [
    '',
    '[]',
    'null',
    '{',
    '{"a":1',
    '{"a":[1',
    '{"a":[1 2]}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":1,}',
    '{"a":1}x',
    '{"a":1,"a":2}',
    '{"a":[1],"b":2,"a":[2]}',
  ])
    it(`refuses ${text === '' ? 'nothing' : text}`, () => {
      assert.throws(() => parts(text), SyntaxError)
    })

  it('gives what JSON.parse gives, of any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom('', '  ', '\n'),
        (value, indent) => {
          const rebuilt = new Map<string, unknown>()
          for (const part of rawParts(JSON.stringify(value, null, indent))) {
            const { name, text, inList } = part ?? assert.fail('such a value is not long')
            const parsed: unknown = JSON.parse(text)
            rebuilt.set(
              name,
              inList ? [...((rebuilt.get(name) as unknown[]) ?? []), parsed] : parsed,
            )
          }
          assert.deepEqual(Object.fromEntries(rebuilt), JSON.parse(JSON.stringify(value)))
        },
      ),
    )
  })
})
