import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { mapOf } from './scalars.ts'
import { schemaFault, wantKeyword } from './schema-fault.ts'

const Rule = Type.Object(
  {
    from: Type.String({ minLength: 1, maxLength: 4 }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
    action: Type.Enum(['allow', 'deny', 'log']),
  },
  { additionalProperties: false },
)
const Whole = Type.Object({
  rules: Type.Array(Rule, { maxItems: 2 }),
  labels: Type.Optional(mapOf(Type.String())),
  at: Type.Optional(Type.String({ format: 'date-time' })),
  note: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})
const validator = Compile(Whole)
const faultOf = (value: unknown): string =>
  schemaFault(validator.Errors(value), { whole: 'request body', value, schema: Whole })

const rule = { from: 'a', action: 'allow' }

describe('schemaFault', () => {
  for (const [value, words] of [
    [7, 'request body 7: want an object'],
    [[], 'request body (a list): want an object'],
    [{}, 'request body has no "rules": send it along'],
    [{ rules: {} }, 'rules (an object): want a list'],
    [{ rules: [rule, rule, rule] }, 'rules (a list): it has 3: want 2 items or fewer'],
    [{ rules: [{ ...rule, from: '' }] }, 'rules[0].from "": it is empty: want 1 character or more'],
    [
      { rules: [{ ...rule, from: 'é'.repeat(5) }] },
      'rules[0].from "ééééé": it has 5: want 4 characters or fewer',
    ],
    [
      { rules: [rule, { ...rule, action: 'no' }] },
      'rules[1].action "no": want "allow", "deny" or "log"',
    ],
    [{ rules: [{ from: 'a' }] }, 'rules[0] has no "action": send it along'],
    [{ rules: [{ ...rule, port: 0.5 }] }, 'rules[0].port 0.5: want a whole number'],
    [{ rules: [{ ...rule, port: 10 }] }, 'rules[0].port 10: want 9 or less'],
    [{ rules: [], labels: { 'a b\n': 1 } }, 'labels."a b\\n" 1: want a text'],
    [{ rules: [], labels: { '~/0': null } }, 'labels."~/0" null: want a text'],
    [{ rules: [], at: 'noon' }, 'at "noon": want a time such as 2025-01-15T10:30:00Z'],
    [{ rules: [], note: 4 }, 'note 4: want a text or null'],
    [{ rules: [{ ...rule, from: 1 }] }, 'rules[0].from 1: want a text'],
  ] as const)
    it(`says ${words}`, () => assert.equal(faultOf(value), words))

  it('names the field that is too much, and the one that was meant', () => {
    assert.equal(
      faultOf({ rules: [{ ...rule, prot: 1 }] }),
      'rules[0] has a field "prot" that nobody reads: did you mean "port"?',
    )
    assert.match(
      faultOf({ rules: [{ ...rule, via: 1 }] }),
      /via.* nobody reads(, beside "from", .*)?: leave it out$/,
    )
  })

  it('cuts long values', () => {
    const words = faultOf({ rules: [{ ...rule, from: '😀'.repeat(9_999) }] })
    assert.equal(
      words,
      `rules[0].from "${'😀'.repeat(64)}…": it has 9999: want 4 characters or fewer`,
    )
  })

  it('says what a pattern wants', () => {
    const Named = Type.Object({
      'a/b': Type.String({ pattern: '^x$', [wantKeyword]: 'an x' }),
    })
    const value = { 'a/b': 'y' }
    assert.equal(
      schemaFault(Compile(Named).Errors(value), { whole: 'it', value, schema: Named }),
      '"a/b" "y": want an x',
    )
  })

  it('shows no value that it was not given', () => {
    const value = { rules: [{ ...rule, from: 'secret' }] }
    assert.equal(
      schemaFault(validator.Errors(value), { whole: 'it' }),
      'rules[0].from: want 4 characters or fewer',
    )
  })
})
