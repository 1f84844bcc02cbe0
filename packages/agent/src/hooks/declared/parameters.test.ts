import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parameterSchema, parameterVariables, variableOf } from './parameters.ts'

const parameterName = fc.string({ minLength: 1, maxLength: 64 }).filter((name) => !(name in {}))

describe('parameterSchema', () => {
  it('refuses what cannot be as it is declared', () => {
    const cases: [Parameters<typeof parameterSchema>[0], RegExp][] = [
      [[{ name: 'a', pattern: '(' }], /parameter "a": pattern "\(" is no regular expression/],
      [[{ name: 'a', type: 'int', pattern: '1' }], /parameter "a" has a pattern/],
      [[{ name: 'a', type: 'int', default: 'many' }], /parameter "a" cannot have its own value/],
      [[{ name: 'a', enum: ['x'], default: 'y' }], /parameter "a" cannot have its own value/],
      [[{ name: 'a', type: 'bool', enum: ['maybe'] }], /parameter "a" cannot have its own value/],
      [[{ name: 'a' }, { name: 'A' }], /parameters "a" and "A" would both be PLEXD_PARAM_A/],
      [[{ name: 'a' }, { name: 'a' }], /parameters "a" and "a"/],
      [[{ name: 'constructor' }], /parameter "constructor" cannot have this name/],
      [[{ name: 'ä' }, { name: '_' }], /would both be PLEXD_PARAM__/],
    ]
    for (const [declared, why] of cases) assert.throws(() => parameterSchema(declared), why)
  })
})

describe('parameterVariables', () => {
  it('has the given values, the defaults, and nothing for the rest', () => {
    const schema = parameterSchema([
      { name: 'target', required: true },
      { name: 'compress', type: 'bool', default: 'true' },
      { name: 'level', type: 'int' },
    ])
    assert.deepEqual(parameterVariables(schema, { target: '' }), {
      PLEXD_PARAM_TARGET: '',
      PLEXD_PARAM_COMPRESS: 'true',
    })
    assert.throws(() => parameterVariables(schema, {}), /has no "target"/)
  })

  it('refuses a value with which its pattern would keep plexd busy for years', () => {
    const schema = parameterSchema([{ name: 'target', pattern: '^(a+)+$' }])
    assert.deepEqual(parameterVariables(schema, { target: 'aaa' }), { PLEXD_PARAM_TARGET: 'aaa' })
    assert.throws(() => parameterVariables(schema, { target: `${'a'.repeat(60)}!` }), {
      name: 'RangeError',
      message: 'target: it cannot be told within 1000 ms whether it matches ^(a+)+$',
    })
    assert.throws(
      () => parameterSchema([{ name: 'b', pattern: '^(a+)+$', default: `${'a'.repeat(60)}!` }]),
      /parameter "b" cannot have its own value/,
    )
  })

  it('passes on any text unchanged', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(parameterName, fc.string()), {
          selector: ([name]) => variableOf(name),
        }),
        (pairs) => {
          const schema = parameterSchema(pairs.map(([name]) => ({ name })))
          const texts = pairs.filter(([, value]) => !value.includes('\0'))
          assert.deepEqual(
            parameterVariables(schema, Object.fromEntries(texts)),
            Object.fromEntries(texts.map(([name, value]) => [variableOf(name), value])),
          )
          for (const [name] of pairs) assert.match(variableOf(name), /^PLEXD_PARAM_[A-Z0-9_]+$/)
        },
      ),
    )
  })
})
