import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  checkSelector,
  formatSelector,
  matches,
  parseSelector,
  type Requirement,
  whyNotSelectable,
} from './selector.ts'

describe('parseSelector', () => {
  const selectors: [text: string, requirements: Requirement[]][] = [
    ['env=prod', [{ key: 'env', operator: 'in', values: ['prod'] }]],
    ['env == prod', [{ key: 'env', operator: 'in', values: ['prod'] }]],
    ['env!=prod', [{ key: 'env', operator: 'notin', values: ['prod'] }]],
    ['env=', [{ key: 'env', operator: 'in', values: [''] }]],
    ['role in (web, api)', [{ key: 'role', operator: 'in', values: ['web', 'api'] }]],
    ['role notin (web)', [{ key: 'role', operator: 'notin', values: ['web'] }]],
    ['gpu', [{ key: 'gpu', operator: 'exists' }]],
    ['! gpu', [{ key: 'gpu', operator: 'absent' }]],
    ['in', [{ key: 'in', operator: 'exists' }]],
    [
      'example.com/tier=a:b/c@d',
      [{ key: 'example.com/tier', operator: 'in', values: ['a:b/c@d'] }],
    ],
    [
      ' env=prod , role in (web,api),!legacy ',
      [
        { key: 'env', operator: 'in', values: ['prod'] },
        { key: 'role', operator: 'in', values: ['web', 'api'] },
        { key: 'legacy', operator: 'absent' },
      ],
    ],
  ]
  for (const [text, requirements] of selectors) {
    it(`reads "${text}"`, () => assert.deepEqual(parseSelector(text), requirements))
    it(`writes "${text}" so that it reads the same`, () =>
      assert.deepEqual(parseSelector(formatSelector(requirements)), requirements))
  }

  const mistakes = [
    'a=b,',
    ',a=b',
    'a=b,,c=d',
    ',',
    '=b',
    'a=b=c',
    'a=b c',
    'a in b',
    'a in (b',
    'a in (b))',
    'a in (b c)',
    'a in ((b))',
    'a>b',
    '-a',
    'a-',
    '*',
    'a,*',
    'a in (b) c',
    '!a=b',
    '"a"=b',
    'a\nb',
  ]
  for (const text of mistakes) {
    it(`refuses ${JSON.stringify(text)}, rather than mean more nodes than were meant`, () => {
      assert.throws(() => parseSelector(text), { name: 'RangeError', message: /^parse selector "/ })
    })
  }

  it('refuses the empty text, which would mean every node', () => {
    assert.throws(() => parseSelector(' '), {
      message: 'parse selector "": it is empty; write "*" to mean every node',
    })
  })

  it('takes no time over a long text that is wrong', () => {
    for (const text of [
      'a'.repeat(1_024),
      `a in (${','.repeat(1_000)}`,
      '(,'.repeat(512),
      `${'a.'.repeat(500)}=b c`,
    ]) {
      const startMs = performance.now()
      try {
        parseSelector(text)
      } catch {
        // Right or wrong: the time is what matters.
      }
      assert.ok(performance.now() - startMs < 10_000)
    }
  })
})

describe('matches', () => {
  const labels = { env: 'prod', role: 'web', empty: '' }
  const answers: [selector: string, isMatch: boolean][] = [
    ['env=prod', true],
    ['env=test', false],
    ['env=prod,role=db', false],
    ['env=prod,role in (db,web),empty', true],
    ['zone!=a', true],
    ['zone notin (a)', true],
    ['!zone', true],
    ['zone', false],
    ['empty=', true],
    ['zone=', false],
    ['toString', false],
  ]
  for (const [selector, isMatch] of answers) {
    it(`says ${isMatch} to "${selector}"`, () => {
      assert.equal(matches(parseSelector(selector), labels), isMatch)
    })
  }

  it('agrees with a naive reading of the same requirements, however they are written', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 4 }), labelSet, (parts, labels) => {
        const selector = parts.map(({ text }) => text).join(',')
        const expected = parts.every(({ holds }) => holds(new Map(Object.entries(labels))))

        assert.equal(matches(parseSelector(selector), labels), expected, selector)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('whyNotSelectable', () => {
  const name63 = 'a'.repeat(63)
  const fine: [key: string, value: string][] = [
    ['env', 'prod'],
    ['env', ''],
    ['A.b_c-9', 'A.b_c-9'],
    ['example.com/tier', '6.1.0-18-amd64'],
    [name63, name63],
    ['constructor', 'x'],
    ['reported.os', 'linux'],
  ]
  for (const [key, value] of fine)
    it(`finds nothing wrong with ${key}=${value}`, () =>
      assert.equal(whyNotSelectable(key, value), undefined))

  const odd: [key: string, value: string][] = [
    ['team', 'Köln'],
    ['team', 'a,b'],
    ['team', ' a'],
    ['team', 'a\nb'],
    ['team', 'a:b'],
    ['team', `${name63}a`],
    [`${name63}a`, ''],
    ['-rf', ''],
    ['a-', ''],
    ['', ''],
    ['a b', ''],
    ['a\u001b', ''],
    ['__proto__', 'x'],
    ['a/b/c', ''],
    ['/a', ''],
    ['a/', ''],
    ['Example.com/a', ''],
    [`${'a.'.repeat(127)}/a`, ''],
    ['іd', 'Cyrillic'],
  ]
  for (const [key, value] of odd)
    it(`says why nobody can ask for ${JSON.stringify(key)}=${JSON.stringify(value)}`, () =>
      assert.match(whyNotSelectable(key, value) ?? '', /^want /))
})

describe('checkSelector', () => {
  const check = (text: string, reported: boolean) => () =>
    checkSelector(parseSelector(text), { reported })

  it('lets pass what Kubernetes would', () => {
    for (const text of ['env=prod', 'a.b/c in (x,y),!d', 'env=', 'reportedly=x', 'x.reported.a'])
      check(text, false)()
  })

  it('refuses keys and values that no label may have, though they can be read', () => {
    for (const text of ['a/b/c', 'env=a:b', 'env in (a,b@c)', `env!=${'a'.repeat(64)}`])
      assert.throws(check(text, true), { name: 'RangeError', message: /^selector key "/ })
  })

  it('refuses what a node says of itself where rights go by it, and says what to do', () => {
    for (const text of ['reported.env=prod', 'a=b,!reported.os', 'reported.os notin (x)']) {
      check(text, true)()
      assert.throws(check(text, false), /plexctl node label set/)
    }
    assert.throws(check('reported.a/b/c', true), /DNS name/)
  })
})

// Few names, so that keys and values meet.
const key = fc.constantFrom('env', 'role', 'a.b/c', 'in')
const value = fc.constantFrom('prod', 'web', '', 'a-b_c.d')
const space = fc.constantFrom('', ' ', '  ')
const labelSet = fc.dictionary(key, value)

const written = fc.oneof(
  fc.tuple(key, value, space, fc.constantFrom('=', '==')).map(([key, value, space, sign]) => ({
    text: `${key}${space}${sign}${space}${value}`,
    holds: (labels: Map<string, string>) => labels.get(key) === value,
  })),
  fc.tuple(key, value, space).map(([key, value, space]) => ({
    text: `${key}${space}!=${value}`,
    holds: (labels: Map<string, string>) => labels.get(key) !== value,
  })),
  fc
    .tuple(key, fc.array(value, { minLength: 1 }), space, fc.boolean())
    .map(([key, values, space, not]) => ({
      text: `${key} ${not ? 'notin' : 'in'}${space}(${values.join(`${space},`)})`,
      holds: (labels: Map<string, string>) =>
        values.some((value) => labels.get(key) === value) !== not,
    })),
  fc.tuple(key, fc.boolean(), space).map(([key, not, space]) => ({
    text: not ? `!${space}${key}` : key,
    holds: (labels: Map<string, string>) => labels.has(key) !== not,
  })),
)
